"""AWS that throttles, fails, resets or loses an answer costs a run nothing and the record no data."""

import time

import pytest
from kit.faulty import Fault

from plugin_core import Run
from plugin_core.stores.aws.address import SageMakerAddress
from plugin_core.stores.aws.calls import Calls
from plugin_core.stores.aws.store import SageMakerStore
from plugin_core.stores.patience import Patience
from plugin_core.tracking.engine import engine
from plugin_core.tracking.settings import configure

LITTLE = Patience(first_pause_s=0.01, longest_pause_s=0.05, rest_s=0.05, answer_s=2.0)
THROTTLED = {"what": "refuse", "code": "ThrottlingException", "status": 400}


@pytest.fixture
def url(endpoint):
    return SageMakerAddress(region="eu-west-1", bucket="team", endpoint=endpoint).url


@pytest.fixture
def store(url):
    from plugin_core.stores.aws.address import sagemaker_address

    return SageMakerStore(url, calls=Calls(sagemaker_address(url), patience=LITTLE))


def logged(name):
    with Run("faults", name) as run:
        run.log_parameter("rate", 0.5)
        for step in range(30):
            run.log_metric("loss", float(step), step=step)
    return run


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="POST", times=2, **THROTTLED),
        Fault(method="PUT", times=2, **THROTTLED),
        Fault(method="POST", what="refuse", code="InternalFailure", status=500, times=2),
        Fault(method="POST", what="refuse", code="Bad gateway", status=502, times=2, is_of_proxy=True),
        Fault(method="PUT", what="refuse", code="ServiceUnavailable", status=503, times=2),
        Fault(method="POST", what="refuse", code="TooManyRequests", status=429, times=2),
        Fault(method="POST", what="lose", times=1),
        Fault(method="POST", what="cut", times=2),
    ],
    ids=["throttled", "throttled points", "500", "502 of a proxy", "503", "429", "answer lost", "answer cut"],
)
def test_what_fails_for_a_while_arrives_once(fault, url, faulty, behind, request):
    name = f"run-{abs(hash(request.node.callspec.id)) % 10**8}"
    configure(store=url)
    faulty.faults.append(fault)
    run = logged(name)
    assert until_flushed()
    faulty.faults.clear()

    there = behind.component(run.component_name)
    assert behind.parameters([there.id])[there.id] == {"rate": 0.5}
    assert [point.step for point in behind.points(there.id, "loss")] == list(range(30))
    assert there.status.value == "completed"


def until_flushed():
    """Whether all that was logged is in the store, at the end of a minute at most."""
    end = time.monotonic() + 60
    while not engine().flush(5.0):
        if time.monotonic() > end:
            return False
    return True


def test_points_whose_answer_was_lost_are_there_though_some_twice(url, faulty, behind):
    configure(store=url)
    faulty.faults.append(Fault(method="PUT", what="lose", times=1))
    run = logged("lost")
    assert until_flushed()

    there = behind.component(run.component_name)
    steps = [point.step for point in behind.points(there.id, "loss")]
    assert sorted(set(steps)) == list(range(30))
    assert len(steps) in {30, 40}


def test_a_server_that_says_nothing_holds_up_neither_the_run_nor_its_end(url, faulty):
    configure(store=url, flush_timeout_s=0.1)
    faulty.faults.append(Fault(method="POST", what="hang"))
    run = logged("hung")
    run.close()

    assert engine().journal.pending_events > 0 or engine().journal.position > 0


def test_a_batch_that_failed_half_way_sends_no_acknowledged_point_again(store, faulty, behind):
    from plugin_core.errors import StoreUnavailableError
    from plugin_core.testing.contract.making import batch, component, points

    logging = batch(component("half"), points("half", [float(i) for i in range(35)]), journal="half")
    faulty.seen.clear()
    passing = Fault(method="PUT", what="refuse", code="InternalFailure", status=500)
    faulty.faults.append(passing)
    with pytest.raises(StoreUnavailableError):
        store.apply(logging)
    faulty.faults.clear()
    time.sleep(LITTLE.rest_s)
    assert store.apply(logging)
    assert not store.apply(logging)

    assert [point.step for point in behind.points(behind.component("half").id, "loss")] == list(range(35))


def test_a_race_over_an_update_is_tried_again(store, faulty, behind):
    from plugin_core.testing.contract.making import component, parameters

    store.write([component("raced")])
    faulty.faults.append(
        Fault(
            method="POST",
            what="refuse",
            code="ConflictException",
            status=400,
            times=1,
            holding="UpdateTrialComponent",
        )
    )
    store.write([parameters("raced", {"a": 1})])

    node = behind.component("raced").id
    assert behind.parameters([node])[node] == {"a": 1}


def test_what_aws_cannot_hold_is_in_the_bucket_and_reads_back_with_one_warning(url, behind, caplog):
    configure(store=url)
    with Run("held", "one") as run:
        run.log_parameter("long", "x" * 9_000)
        run.log_parameters({f"p{i}": i for i in range(310)})
        run.log_metric("loss", float("nan"), step=0)
        run.log_metric("loss", 1.0, step=1)
    assert until_flushed()

    assert run.parameters["long"] == "x" * 9_000
    assert run.parameters["p309"] == 309
    assert (run.metrics["loss"].count, len(run.metric_points("loss"))) == (2, 2)
    assert [record.getMessage() for record in caplog.records if "cannot hold" in record.getMessage()][1:] == []
    assert "flowtrail-held" not in run.output_artifacts
    there = behind.component("held-one").id
    held = behind.artifact_values([there], is_output=True)[there]["flowtrail-held"].value
    assert held == "s3://team/flowtrail/held/held-one.json"


def test_without_a_bucket_what_cannot_be_held_is_set_aside_and_the_rest_arrives(endpoint, behind, record, caplog):
    configure(store=SageMakerAddress(region="eu-west-1", endpoint=endpoint).url)
    with Run("aside", "one") as run:
        run.log_metric("loss", float("inf"), step=0)
        run.log_metric("loss", 1.0, step=1)
        run.log_parameter("rate", 0.5)
    assert until_flushed()

    assert (run.parameters, run.metrics["loss"].count) == ({"rate": 0.5}, 1)
    assert "bucket" in caplog.text
    assert list((record.spool / "dead-letters").iterdir())


def test_a_file_without_a_bucket_is_recorded_by_where_it_is_with_a_hint(endpoint, tmp_path, caplog):
    from plugin_core.tracking.settings import reset_configuration

    spool = engine().settings.spool_dir
    reset_configuration()
    configure(store=SageMakerAddress(region="eu-west-1", endpoint=endpoint).url, spool_dir=spool, flush_timeout_s=60.0)
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights")
    with Run("aside", "two") as run:
        run.log_file(path, "model")
    assert until_flushed()

    assert run.output_artifacts["model"].value == path.as_uri()
    assert "bucket" in caplog.text
