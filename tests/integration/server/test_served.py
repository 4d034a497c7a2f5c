"""`flowtrail serve` with keys and tenants, asked by unmodified boto3; and what of it outlives its end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
import uvicorn
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from kit.echo import echo
from kit.signing import Sender, exchange

from plugin_core.server.audit import FILE, verified
from plugin_core.server.client_setup import BUCKET
from plugin_core.server.keys import Keys
from plugin_core.server.patience import PatientProtocol
from plugin_core.stores import open_keys, open_store
from plugin_core.wire.caller import Role

CLI = [sys.executable, "-m", "plugin_core.cli"]


@dataclass
class Served:
    home: Path
    environment: dict
    process: subprocess.Popen
    url: str
    tenant_keys: list[dict] = field(default_factory=list)

    def key(self, role: Role = Role.WRITER, **options) -> dict:
        store = open_keys(self.environment["FLOWTRAIL_STORE"])
        made = Keys(store, self.environment["FLOWTRAIL_SERVER_SECRET"].encode()).create(role, **options)
        store.close()
        return {"id": made.key.id, "secret": made.secret}

    def client(self, key: dict, service: str = "sagemaker", **options):
        session = boto3.Session(key["id"], key["secret"], region_name="us-east-1")
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=20, **options)
        return session.client(service, endpoint_url=self.url, config=config)

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=60)[1]


def environment_of(home: Path) -> dict:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FLOWTRAIL_", "AWS_", "SAGEMAKER_"))}
    return {
        **kept,
        "FLOWTRAIL_STORE": f"sqlite:///{home / 'record.db'}",
        "FLOWTRAIL_SPOOL_DIR": str(home / "spool"),
        "FLOWTRAIL_SERVER_SECRET": "the secret of the servers of this test",
        "FLOWTRAIL_SERVER_METRICS_TOKEN": "scrape",
    }


def start(home: Path, *options: str) -> tuple[Served, dict]:
    environment = environment_of(home)
    served = Served(home, environment, None, "")
    first = served.key(Role.ADMIN, lifetime=timedelta(hours=1))
    served.process = subprocess.Popen(
        [*CLI, "serve", "--port", "0", *options], env=environment, stderr=subprocess.PIPE, text=True
    )
    served.url = re.search(r"http://\S+\d", served.process.stderr.readline())[0].replace("0.0.0.0", "127.0.0.1")
    return served, first


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory):
    """A server at all interfaces, with a key for its own tenant and one for each of two others."""
    server, _ = start(tmp_path_factory.mktemp("served"), "--host", "0.0.0.0")
    yield server
    assert server.stop() == ""


@pytest.fixture(scope="module")
def tenants(served: Served):
    served.tenant_keys = [served.key(tenant=name) for name in ("team-a", "team-b")]
    clients = [served.client(key) for key in served.tenant_keys]
    for client in clients:
        until_known(client)
    return clients


def until_known(client) -> None:
    """Workers read the keys every few seconds."""
    waiting = threading.Event()
    for _ in range(200):
        try:
            client.list_experiments()
            return
        except client.exceptions.ClientError:
            waiting.wait(0.1)
    raise AssertionError("the key was never known")


def refusal(call, **members) -> dict:
    with pytest.raises(ClientError) as caught:
        call(**members)
    return caught.value.response["Error"]


def test_what_another_tenant_has_is_told_as_what_nobody_has(tenants) -> None:
    mine, theirs = tenants
    mine.create_experiment(ExperimentName="private")
    mine.create_trial(TrialName="private-trial", ExperimentName="private")
    mine.create_trial_component(TrialComponentName="private-component")

    asked = [
        (theirs.describe_experiment, "ExperimentName", "private"),
        (theirs.describe_trial, "TrialName", "private-trial"),
        (theirs.describe_trial_component, "TrialComponentName", "private-component"),
        (theirs.delete_experiment, "ExperimentName", "private"),
        (theirs.delete_trial_component, "TrialComponentName", "private-component"),
    ]
    for call, member, name in asked:
        foreign, absent = refusal(call, **{member: name}), refusal(call, **{member: "no-such-thing"})
        assert foreign["Code"] == absent["Code"] == "ResourceNotFound"
        assert foreign["Message"].replace(name, "") == absent["Message"].replace("no-such-thing", "")
    listed = theirs.list_experiments()["ExperimentSummaries"]
    assert "private" not in {found["ExperimentName"] for found in listed}
    assert mine.describe_experiment(ExperimentName="private")["ExperimentName"] == "private"


def test_tenants_may_have_things_of_the_same_name(tenants) -> None:
    for client, description in zip(tenants, ("of a", "of b"), strict=True):
        client.create_experiment(ExperimentName="same", Description=description)

    assert [c.describe_experiment(ExperimentName="same")["Description"] for c in tenants] == ["of a", "of b"]


def test_the_bucket_that_clients_are_told_of_is_there_for_each_tenant(served: Served, tenants) -> None:
    mine, theirs = (served.client(key, "s3") for key in served.tenant_keys)

    mine.put_object(Bucket=BUCKET, Key="chart.json", Body=b"{}")

    assert mine.get_object(Bucket=BUCKET, Key="chart.json")["Body"].read() == b"{}"
    assert refusal(theirs.get_object, Bucket=BUCKET, Key="chart.json")["Code"] == "NoSuchKey"


def test_an_object_of_another_tenant_is_told_as_one_that_nobody_has(served: Served, tenants) -> None:
    mine, theirs = (served.client(key, "s3") for key in served.tenant_keys)
    mine.create_bucket(Bucket="models")
    mine.put_object(Bucket="models", Key="weights", Body=b"private bytes")

    assert mine.get_object(Bucket="models", Key="weights")["Body"].read() == b"private bytes"
    assert refusal(theirs.get_object, Bucket="models", Key="weights")["Code"] == "NoSuchBucket"
    theirs.create_bucket(Bucket="models")
    assert refusal(theirs.get_object, Bucket="models", Key="weights")["Code"] == "NoSuchKey"


@pytest.mark.parametrize(("version", "status"), [("s3v4", 200), ("s3", 400)])
def test_a_url_that_boto3_signs_opens_its_object_if_the_signature_is_of_version_4(
    served: Served, tenants, version: str, status: int
) -> None:
    objects = served.client(served.tenant_keys[0], "s3", signature_version=version)
    kept = served.client(served.tenant_keys[0], "s3")
    kept.create_bucket(Bucket=f"shared-{version}")
    kept.put_object(Bucket=f"shared-{version}", Key="a key", Body=b"bytes")
    url = objects.generate_presigned_url(
        "get_object", Params={"Bucket": f"shared-{version}", "Key": "a key"}, ExpiresIn=60
    )
    answer = exchange(served.url, "GET", url.removeprefix(served.url), {"Host": urlsplit(served.url).netloc})

    assert answer.status == status
    assert answer.body == b"bytes" if status == 200 else b"s3v4" in answer.body


def test_a_page_of_one_tenants_listing_is_no_page_of_anothers(tenants) -> None:
    for client in tenants:
        for number in range(3):
            client.create_experiment(ExperimentName=f"page-{number}")
    token = tenants[0].list_experiments(MaxResults=1)["NextToken"]

    assert tenants[0].list_experiments(MaxResults=1, NextToken=token)["ExperimentSummaries"]
    assert refusal(tenants[1].list_experiments, MaxResults=1, NextToken=token)["Code"] == "ValidationException"


def test_a_server_without_keys_is_not_started_under_a_name_of_its_own(tmp_path: Path) -> None:
    environment = {**environment_of(tmp_path), "FLOWTRAIL_SERVER_HOSTS": "flowtrail.example.org"}
    done = subprocess.run(
        [*CLI, "serve", "--port", "0"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 2
    assert "flowtrail keys create" in done.stderr


def test_a_server_with_another_secret_than_its_keys_is_not_started(served: Served) -> None:
    environment = {**served.environment, "FLOWTRAIL_SERVER_SECRET": "another secret, which is as long"}
    done = subprocess.run(
        [*CLI, "serve", "--port", "0"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 2
    assert "another server's secret" in done.stderr


@pytest.fixture
def two_workers(tmp_path: Path):
    server, key = start(tmp_path, "--workers", "2")
    yield server, key
    if server.process.poll() is None:
        server.stop()


def test_figures_of_all_workers_are_told_as_one(two_workers) -> None:
    server, key = two_workers
    sender = Sender(server.url, key["id"], key["secret"])
    assert {sender.operation("ListExperiments").status for _ in range(40)} == {200}
    asked = {"Host": urlsplit(server.url).netloc, "Authorization": "Bearer scrape"}
    told = exchange(server.url, "GET", "/metrics", asked).body.decode()

    assert 'flowtrail_requests_total{action="ListExperiments",status="200"} 40.0' in told


def test_a_stop_in_the_midst_of_requests_loses_nothing_that_was_answered(two_workers) -> None:
    server, key = two_workers
    made: list[str] = []
    enough = threading.Event()

    def create(thread: int) -> None:
        client = server.client(key)
        for number in range(10_000):
            try:
                client.create_experiment(ExperimentName=f"e-{thread}-{number}")
            except (BotoCoreError, ClientError):
                return
            made.append(f"e-{thread}-{number}")
            if len(made) > 100:
                enough.set()

    threads = [threading.Thread(target=create, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    said = server.stop()
    for thread in threads:
        thread.join(60)

    assert (server.process.returncode, said) == (0, "")
    store = open_store(server.environment["FLOWTRAIL_STORE"])
    assert {experiment.name for experiment in store.experiments()} >= set(made)
    store.close()
    log = server.home / "server" / FILE
    audited = {json.loads(line)["target"] for line in log.read_text().splitlines()}
    assert audited >= set(made)
    assert verified(log, server.environment["FLOWTRAIL_SERVER_SECRET"].encode()).flaws == {}
    keys = open_keys(server.environment["FLOWTRAIL_STORE"])
    assert keys.access_keys()[0].used_at is not None
    keys.close()


def test_who_never_ends_the_head_of_a_request_is_hung_up_on() -> None:
    class Hasty(PatientProtocol):
        head_s = 0.3

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(echo, http=Hasty, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        for begun in (b"", b"GET / HTTP/1.1\r\nHost: loc", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 30_000):
            with socket.create_connection(listening.getsockname(), timeout=20) as connection:
                connection.sendall(begun)
                assert connection.recv(1) == b""
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
