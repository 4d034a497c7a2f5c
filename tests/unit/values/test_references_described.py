"""Paths and URIs are references; a small file is known by its content."""

import hashlib
import os
from pathlib import Path

import pytest


def test_a_small_file_is_identified_by_its_content(artifact, tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_bytes(b"a,b\n1,2\n")

    found = artifact(file)
    assert found.identity == "sha256:" + hashlib.sha256(b"a,b\n1,2\n").hexdigest()
    assert (found.location, found.size_bytes, found.type) == (file.as_uri(), 8, "DataSet")
    assert found.properties["kind"] == "file"
    assert found.payload is None


def test_a_large_file_is_identified_by_where_it_is(artifact, tmp_path: Path) -> None:
    file = tmp_path / "large.bin"
    with file.open("wb") as out:
        out.truncate(6_000_000)

    found = artifact(file)
    assert (found.identity, found.size_bytes) == (file.as_uri(), 6_000_000)


def test_a_file_that_cannot_be_read_in_time_is_identified_by_where_it_is(artifact, tmp_path: Path) -> None:
    (tmp_path / "slow.csv").write_bytes(b"x" * 1_000)
    seconds = iter(range(1_000))

    found = artifact(tmp_path / "slow.csv", io_clock=lambda: float(next(seconds)), budget_s=1.0)
    assert found.identity == (tmp_path / "slow.csv").as_uri()


def test_folders_and_missing_paths_are_said_to_be_such(artifact, tmp_path: Path) -> None:
    assert artifact(tmp_path).properties["kind"] == "folder"
    assert artifact(tmp_path / "none").properties["exists"] == "false"
    assert artifact(tmp_path / "none").identity == (tmp_path / "none").as_uri()


def test_a_directory_entry_is_a_path(artifact, tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"x")

    with os.scandir(tmp_path) as entries:
        (entry,) = entries
    assert artifact(entry).location == (tmp_path / "model.pkl").as_uri()
    assert artifact(entry).type == "Model"


@pytest.mark.parametrize("uri", ["s3://bucket/x.csv", "gs://b/k", "https://host/data.parquet?version=3", "hdfs://n/x"])
def test_a_uri_is_a_reference_and_a_parameter(described, uri: str) -> None:
    found = described(uri)

    assert found.parameters == {"x": uri}
    assert [(a.identity, a.location) for a in found.artifacts] == [(uri, uri)]


@pytest.mark.parametrize("text", ["data.csv", "see https://host/x", "mailto:a@b.c", "a/b/c", "s3://", "http://a b"])
def test_other_text_is_just_text(described, text: str) -> None:
    assert described(text).artifacts == ()


def test_a_file_uri_is_looked_at_as_a_path(described, tmp_path: Path) -> None:
    (tmp_path / "a b.csv").write_bytes(b"x")

    (found,) = described((tmp_path / "a b.csv").as_uri()).artifacts
    assert found.size_bytes == 1


def test_secrets_in_a_uri_are_stripped(described) -> None:
    found = described("https://u:pa55word@host/x.csv?X-Amz-Signature=abcdef&v=1")

    assert "pa55word" not in str(found)
    assert "abcdef" not in str(found)
    assert found.artifacts[0].identity == "https://host/x.csv?v=1"


@pytest.mark.parametrize(
    ("name", "type"), [("m.pkl", "Model"), ("p.png", "Image"), ("r.md", "Document"), ("x", "DataSet")]
)
def test_the_suffix_tells_the_type(artifact, tmp_path: Path, name: str, type: str) -> None:
    assert artifact(tmp_path / name).type == type
