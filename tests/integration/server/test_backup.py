"""A server's record is copied while it runs, and restored elsewhere, as the documentation says."""

import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

CLI = [sys.executable, "-m", "plugin_core.cli"]


def environment(home: Path) -> dict[str, str]:
    own = {k: v for k, v in os.environ.items() if not k.startswith(("FLOWTRAIL_", "AWS_", "SAGEMAKER_"))}
    return {**own, "FLOWTRAIL_STORE": f"sqlite:///{home / 'record.db'}"}


@contextlib.contextmanager
def serving(home: Path):
    process = subprocess.Popen([*CLI, "serve", "--port", "0"], env=environment(home), stderr=subprocess.PIPE, text=True)
    said = process.stderr.readline()
    try:
        yield re.search(r"http://\S+\d", said)[0]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=60)[1] == ""


def make_key(home: Path) -> dict[str, str]:
    command = [*CLI, "keys", "create", "--role", "writer", "--label", "restored"]
    done = subprocess.run(command, env=environment(home), check=True, capture_output=True, text=True)
    variables = dict(word.split("=", 1) for word in done.stdout.split() if "=" in word)
    return {name.lower(): value for name, value in variables.items()}


def client(service: str, url: str, key: dict[str, str]):
    config = Config(signature_version="s3v4") if service == "s3" else None
    return boto3.Session(**key, region_name="us-east-1").client(service, endpoint_url=url, config=config)


def copy(home: Path, place: Path) -> None:
    place.mkdir()
    source, target = sqlite3.connect(home / "record.db"), sqlite3.connect(place / "record.db")
    with contextlib.closing(source), contextlib.closing(target):
        source.backup(target)
    shutil.copytree(home / "blobs", place / "blobs")
    (place / "server").mkdir()
    shutil.copy(home / "server" / "server.key", place / "server")


def test_a_restored_record_has_its_runs_its_bytes_and_its_keys(tmp_path):
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    key = make_key(home)
    with serving(home) as url:
        client("sagemaker", url, key).create_experiment(ExperimentName="kept", Description="before the copy")
        client("s3", url, key).put_object(Bucket="flowtrail", Key="report.txt", Body=b"all is well")
        copy(home, elsewhere)
        client("sagemaker", url, key).create_experiment(ExperimentName="later")
    shutil.rmtree(home)

    with serving(elsewhere) as url:
        sagemaker = client("sagemaker", url, key)
        (found,) = sagemaker.list_experiments()["ExperimentSummaries"]
        assert sagemaker.describe_experiment(ExperimentName=found["ExperimentName"])["Description"] == "before the copy"
        body = client("s3", url, key).get_object(Bucket="flowtrail", Key="report.txt")["Body"]
        assert body.read() == b"all is well"
        with urllib.request.urlopen(f"{url}/healthz") as answer:
            assert b"ok" in answer.read()
    listed = subprocess.run(
        [*CLI, "keys", "list"], env=environment(elsewhere), check=True, capture_output=True, text=True
    )
    assert "restored" in listed.stdout
