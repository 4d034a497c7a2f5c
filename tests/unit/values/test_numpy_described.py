"""numpy arrays: content is what counts, not the layout."""

import io

import numpy as np
import pytest

GRID = np.arange(12, dtype=np.int64).reshape(3, 4)


def test_an_array_is_described(artifact) -> None:
    found = artifact(GRID)

    assert found.type == "DataSet"
    assert found.properties == {
        "type": "numpy.ndarray",
        "shape": "3 x 4",
        "dtype": "int64",
        "preview": '[0, 1, 2, 3, 4, 5, 6, 7, "…"]',
    }
    assert np.array_equal(np.load(io.BytesIO(found.payload.write()), allow_pickle=False), GRID)


@pytest.mark.parametrize(
    "same",
    [
        np.asfortranarray(GRID),
        np.repeat(GRID, 2, axis=1)[:, ::2],
        GRID.astype(">i8"),
        np.flip(np.flip(GRID, 0), 0),
        np.broadcast_to(GRID, GRID.shape),
    ],
)
def test_the_layout_does_not_count(artifact, same) -> None:
    assert artifact(same).identity == artifact(GRID).identity


@pytest.mark.parametrize("other", [GRID.T, GRID.reshape(4, 3), GRID.astype(np.int32), GRID.astype(float), GRID + 1])
def test_other_content_shape_or_type_is_another(artifact, other) -> None:
    assert artifact(other).identity != artifact(GRID).identity


@pytest.mark.parametrize(
    "array", [np.array(5), np.zeros((0, 3)), np.array(["a", "bc"]), np.array([b"x"]), np.array([1j])]
)
def test_odd_arrays_are_identified_too(artifact, array) -> None:
    assert artifact(array).identity.startswith("sha256:")
    assert artifact(array).payload is not None


def test_what_stands_between_the_fields_of_records_does_not_count(artifact) -> None:
    kind = np.dtype([("flag", "i1"), ("value", "f8")], align=True)
    one = np.frombuffer(b"\x01" + b"\x00" * 7 + np.float64(2).tobytes(), dtype=kind)
    two = np.frombuffer(b"\x01" + b"\xff" * 7 + np.float64(2).tobytes(), dtype=kind)

    assert artifact(one).identity == artifact(two).identity


def test_objects_are_read_if_they_are_plain_and_never_stored(artifact) -> None:
    plain, odd = np.array(["a", 1, None], dtype=object), np.array(["a", object()], dtype=object)

    assert artifact(plain).identity == artifact(plain.copy()).identity
    assert artifact(odd).identity is None
    assert artifact(plain).payload is None


def test_the_snapshot_is_taken_at_once(artifact) -> None:
    array = np.zeros(4)
    found = artifact(array)

    array[:] = 7
    assert np.load(io.BytesIO(found.payload.write())).sum() == 0


def test_a_large_array_is_sampled_whatever_its_layout(artifact) -> None:
    large = np.arange(2_000_000, dtype=float).reshape(2_000, 1_000)

    found = artifact(large)
    assert found.identity.startswith("sample-sha256:")
    assert found.identity == artifact(np.asfortranarray(large)).identity
    assert found.identity != artifact(large + 1).identity
    assert found.payload is None
