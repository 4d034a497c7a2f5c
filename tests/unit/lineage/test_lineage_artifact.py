"""Typed artifacts: loaded by any name they have, created, listed, tagged, deleted, and asked about the graph."""

import pytest

from plugin_core.errors import ConflictError, InvalidValueError, NotFoundError
from plugin_core.lineage import (
    Artifact,
    DatasetArtifact,
    ImageArtifact,
    LineageQueryDirectionEnum,
    ModelArtifact,
    descendants,
)

RAW, TABLE, MODEL, IMAGE = "file:///data/raw.csv", *(f"sha256:{pair * 32}" for pair in ("ab", "cd", "ef"))


def uris(artifacts):
    return [artifact.source.source_uri for artifact in artifacts]


@pytest.mark.parametrize("name", [TABLE, "ab" * 32, "arn:aws:sagemaker:local:000000000000:artifact/" + "ab" * 32])
def test_an_artifact_is_loaded_by_uri_hash_or_arn(chain, name):
    found = DatasetArtifact.load(name)

    assert (found.artifact_name, found.artifact_type, found.source.source_uri) == ("table", "DataSet", TABLE)
    assert repr(found) == f"DatasetArtifact('table', type='DataSet', source_uri='{TABLE}')"


def test_a_component_is_no_artifact(chain):
    with pytest.raises(NotFoundError, match="That is a component"):
        Artifact.load("flow-train-1")


def test_an_artifact_that_is_created_can_be_read_back(flowtrail_record):
    made = DatasetArtifact.create(
        source_uri="s3://bucket/folder/iris.csv",
        artifact_type="DataSet",
        source_types=[{"SourceIdType": "S3ETag", "Value": "e1"}],
        properties={"rows": "150"},
        tags=[{"Key": "team", "Value": "a"}],
    )

    assert DatasetArtifact.load(made.artifact_arn) == made
    assert made.artifact_name == "iris.csv"
    assert made.source.source_types == [{"SourceIdType": "S3ETag", "Value": "e1"}]
    assert (made.properties, made.tags) == ({"rows": "150"}, [{"Key": "team", "Value": "a"}])


def test_creating_again_gives_the_same_artifact(flowtrail_record):
    first, second = (Artifact.create("a", "mem://a", artifact_type="DataSet") for _ in range(2))

    assert first.artifact_arn == second.artifact_arn
    assert len(list(Artifact.list())) == 1


@pytest.mark.parametrize("missing", [{"source_uri": "mem://a"}, {"artifact_type": "DataSet"}])
def test_an_artifact_needs_a_uri_and_a_type(flowtrail_record, missing):
    with pytest.raises(InvalidValueError, match="needs a source_uri and an artifact_type"):
        Artifact.create(**missing)


def test_a_list_is_filtered_sorted_and_typed(chain):
    datasets = list(Artifact.list(artifact_type="DataSet", sort_order="Ascending"))

    assert uris(datasets) == [RAW, TABLE, "file:///data/unrelated.csv"]
    assert uris(Artifact.list(artifact_type="DataSet")) == uris(reversed(datasets))
    assert [type(a) for a in Artifact.list(source_uri=MODEL)] == [ModelArtifact]
    assert uris(Artifact.list(created_after=datasets[1].creation_time, artifact_type="DataSet"))[-1] == TABLE
    assert uris(Artifact.list(created_before=datasets[0].creation_time)) == [RAW]


def test_an_unknown_order_is_refused(flowtrail_record):
    with pytest.raises(InvalidValueError, match="cannot be sorted"):
        list(Artifact.list(sort_by="Size"))


def test_tags_are_added_to_those_there_are(chain):
    table = Artifact.load(TABLE)

    table.set_tag({"Key": "a", "Value": "1"})
    table.set_tags([{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])

    assert {tag["Key"]: tag["Value"] for tag in table.tags} == {"a": "2", "b": "3"}
    assert Artifact.load(TABLE).tags == table.tags


def test_an_artifact_in_use_is_deleted_with_its_edges_only(chain):
    table = Artifact.load(TABLE)

    with pytest.raises(ConflictError, match="has associations"):
        table.delete()
    table.delete(disassociate=True)

    with pytest.raises(NotFoundError):
        Artifact.load(TABLE)
    assert [vertex.ref.key for vertex in descendants(RAW).vertices] == ["flow-clean-1"]


def test_one_that_was_not_loaded_says_how_to_get_one(flowtrail_record):
    with pytest.raises(InvalidValueError, match="was not loaded"):
        Artifact().upstream_trials()


def test_trials_up_and_down_are_named_once(chain):
    table = Artifact.load(TABLE)

    assert table.upstream_trials() == ["flow-t1"]
    assert table.downstream_trials() == table.downstream_trials_v2()
    assert set(table.downstream_trials()) == {"flow-t1", "flow-t2"}
    assert Artifact.load(RAW).downstream_trials() == ["flow-t1"]
    assert set(Artifact.load(RAW).downstream_trials_v2()) == {"flow-t1", "flow-t2"}


def test_data_sets_models_and_images_know_one_another(chain):
    model = ModelArtifact.load(MODEL)

    assert uris(model.dataset_artifacts()) == [TABLE, RAW]
    assert uris(DatasetArtifact.load(RAW).trained_models()) == [MODEL]
    assert uris(DatasetArtifact.load(RAW).downstream_datasets()) == [TABLE]
    assert uris(DatasetArtifact.load(TABLE).upstream_datasets()) == [RAW]
    assert uris(ImageArtifact.load(IMAGE).datasets(LineageQueryDirectionEnum.ASCENDANTS)) == [TABLE, RAW]


def test_a_model_knows_the_execution_that_made_it(chain):
    assert ModelArtifact.load(MODEL).pipeline_execution_arn().endswith("pipeline/flow/execution/1234567890ab")
    assert ModelArtifact.load(MODEL).pipeline_execution_arn(LineageQueryDirectionEnum.DESCENDANTS) is None


def test_artifacts_at_a_uri_have_sagemakers_summary(chain):
    found = Artifact.load(TABLE).s3_uri_artifacts(RAW)

    (summary,) = found["ArtifactSummaries"]
    assert summary["Source"] == {"SourceUri": RAW, "SourceTypes": []}
    assert summary["ArtifactType"] == "DataSet"
