"""What FlowtrailIOManager stores comes back as it was, or not at all."""

import hashlib
from pathlib import Path

import dagster as dg
import pytest

from dagster_integration import FlowtrailIOManager
from plugin_core import ArtifactCorruptError, InvalidValueError, NotFoundError

pytestmark = pytest.mark.versions
DAYS = dg.StaticPartitionsDefinition(["mon", "tue", "wed"])
VALUES = {"json": {"a": [1, 2.5, None, "é"]}, "bytes": b"\x00\xff", "nothing": None}


def resources(**options) -> dict[str, FlowtrailIOManager]:
    return {"io_manager": FlowtrailIOManager(**options)}


@dg.op(out=dg.DynamicOut())
def each():
    for name, value in VALUES.items():
        yield dg.DynamicOutput(value, mapping_key=name)


@dg.op
def unchanged(value):
    return value


@dg.op
def compare(values: list) -> bool:
    return values == list(VALUES.values())


@dg.job
def there_and_back():
    compare(each().map(unchanged).collect())


def test_values_come_back_as_they_were_dynamic_outputs_each_for_itself(autologged):
    result = there_and_back.execute_in_process(resources=resources())
    assert result.output_for_node("compare") is True


def test_a_stored_output_is_an_artifact_with_its_bytes_made_by_its_step_and_used_by_the_next(autologged):
    there_and_back.execute_in_process(resources=resources())
    digest = f"sha256:{hashlib.sha256(VALUES['bytes']).hexdigest()}"
    artifact = autologged.record.store.artifact(digest)
    assert (artifact.blob, artifact.media_type) == (digest, "application/octet-stream")
    assert digest in {value.value for value in autologged.step("unchanged[bytes]").output_artifacts.values()}
    assert "each" in autologged.sources(autologged.step("unchanged[bytes]"))


@dg.asset
def table() -> dict[str, int]:
    return {"rows": 3}


@dg.asset
def report(table: dict[str, int]) -> int:
    return table["rows"]


def test_a_later_run_loads_the_asset_that_an_earlier_one_made(autologged):
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([table], resources=resources(), instance=instance)
        result = dg.materialize([table, report], resources=resources(), instance=instance, selection=[report])
    assert result.output_for_node("report") == 3
    assert dg.Definitions([table], resources=resources()).load_asset_value("table") == {"rows": 3}


@dg.asset(partitions_def=DAYS)
def daily(context: dg.AssetExecutionContext) -> str:
    return f"of {context.partition_key}"


@dg.asset
def week(daily: dict[str, str]) -> dict[str, str]:
    return daily


def test_each_partition_is_kept_for_itself(autologged):
    with dg.DagsterInstance.ephemeral() as instance:
        for day in ("mon", "tue", "wed"):
            dg.materialize([daily], resources=resources(), instance=instance, partition_key=day)
        result = dg.materialize([daily, week], resources=resources(), instance=instance, selection=[week])
    assert result.output_for_node("week") == {day: f"of {day}" for day in ("mon", "tue", "wed")}


def test_a_partition_that_was_never_made_is_named(autologged):
    with pytest.raises(NotFoundError, match=r"asset daily\[\w+\].*Materialize it"):
        dg.materialize([daily, week], resources=resources(), selection=[week])


def test_a_damaged_blob_is_named_with_its_asset_its_run_and_both_checksums(autologged):
    run = dg.materialize([table], resources=resources())
    (event,) = run.asset_materializations_for_node("table")
    digest = event.metadata["flowtrail/blob"].value
    (blob,) = (autologged.record.folder / "blobs").rglob(digest.removeprefix("sha256:"))
    damage(blob, b'{"rows": 4}')
    with pytest.raises(ArtifactCorruptError) as caught:
        dg.materialize([table, report], resources=resources(), selection=[report])
    for part in ("asset table", run.run_id, digest, hashlib.sha256(b'{"rows": 4}').hexdigest()):
        assert part in caught.value.message


def damage(blob: Path, content: bytes) -> None:
    blob.chmod(0o644)
    blob.write_bytes(content)


class Unknown:
    def __init__(self, number: int) -> None:
        self.number = number


@dg.asset
def unknown() -> Unknown:
    return Unknown(7)


@dg.asset
def number(unknown: Unknown) -> int:
    return unknown.number


def test_a_value_without_a_safe_format_is_refused_unless_pickles_are_allowed(autologged):
    with pytest.raises(InvalidValueError, match=r"no safe format for this .*Unknown.*allow_pickle=True"):
        dg.materialize([unknown], resources=resources())

    result = dg.materialize([unknown, number], resources=resources(allow_pickle=True))
    assert result.output_for_node("number") == 7
    assert autologged.record.store.artifact("dagster:asset/unknown").tags["untrusted"] == "pickle"
    with pytest.raises(InvalidValueError, match="runs code when it is read"):
        dg.materialize([unknown, number], resources=resources(), selection=[number])


def test_it_stores_and_loads_where_recording_is_switched_off(recorded, monkeypatch):
    monkeypatch.setenv("FLOWTRAIL_DISABLED", "1")
    assert dg.materialize([table, report], resources=resources()).output_for_node("report") == 3
