"""`flowtrail serve`, as a process of its own."""

import os
import re
import signal
import subprocess
import sys

import pytest
from botocore.exceptions import EndpointConnectionError
from kit.wire import client

SERVE = [sys.executable, "-m", "plugin_core.cli", "serve"]


@pytest.fixture
def environment(tmp_path):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FLOWTRAIL_", "AWS_", "SAGEMAKER_"))}
    return {
        **kept,
        "FLOWTRAIL_STORE": f"sqlite:///{tmp_path / 'record.db'}",
        "FLOWTRAIL_BLOBS": (tmp_path / "blobs").as_uri(),
        "FLOWTRAIL_SPOOL_DIR": str(tmp_path / "spool"),
    }


def test_a_client_is_served_until_the_server_is_told_to_stop(environment):
    process, sagemaker = started(environment)
    try:
        sagemaker.create_experiment(ExperimentName="served")
        assert sagemaker.describe_experiment(ExperimentName="served")["ExperimentName"] == "served"
    finally:
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=30)[1]

    assert rest == ""
    assert process.returncode in {0, -signal.SIGTERM}


def test_workers_answer_from_one_store_and_end_with_a_server_that_is_killed(environment):
    process, sagemaker = started(environment, "--workers", "2")
    sagemaker.create_experiment(ExperimentName="shared")
    answers = [sagemaker.describe_experiment(ExperimentName="shared")["ExperimentArn"] for _ in range(10)]
    process.kill()
    process.communicate(timeout=60)  # ends when the last of the workers has closed its end

    assert len(set(answers)) == 1
    with pytest.raises(EndpointConnectionError):
        sagemaker.describe_experiment(ExperimentName="shared")


def started(environment, *options):
    process = subprocess.Popen([*SERVE, "--port", "0", *options], env=environment, stderr=subprocess.PIPE, text=True)
    return process, client("sagemaker", re.search(r"http://\S+\d", process.stderr.readline())[0])


def test_one_line_in_a_shell_leads_its_clients_to_the_server(environment, tmp_path):
    show = 'echo "$AWS_ENDPOINT_URL_SAGEMAKER $AWS_DEFAULT_REGION"; cat "$SAGEMAKER_USER_CONFIG_OVERRIDE"'
    lines = f'eval "$({" ".join(SERVE)} --print-env --port 1234)"; {show}'
    done = subprocess.run(
        ["/bin/sh", "-c", lines],
        env={**environment, "AWS_DEFAULT_REGION": "eu-west-1"},
        capture_output=True,
        text=True,
        check=True,
    )

    address, _, config = done.stdout.partition("\n")
    assert address == "http://127.0.0.1:1234 eu-west-1"
    assert "TelemetryOptOut: true" in config
    assert "DefaultS3Bucket: flowtrail" in config


def test_a_server_without_keys_refuses_to_listen_where_others_could_reach_it(environment):
    done = subprocess.run(
        [*SERVE, "--host", "0.0.0.0", "--port", "0"], env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "others could reach it" in done.stderr
