"""Scalars become parameters, with their types where JSON has them."""

import datetime as dt
import decimal
import enum
import fractions
import math
import uuid

import numpy as np
import pandas as pd
import pytest


class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"


class Level(enum.IntEnum):
    HIGH = 3


class Loud(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError


def double(x: int) -> int:
    return 2 * x


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        (None, None),
        (True, True),
        (5, 5),
        (0.1, 0.1),
        ("adam", "adam"),
        (2**200, 2**200),
        (decimal.Decimal("1.50"), "1.50"),
        (fractions.Fraction(1, 3), "1/3"),
        (1 + 2j, "(1+2j)"),
        (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "2026-01-02T00:00:00+00:00"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.timedelta(hours=1), "1:00:00"),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (Colour.RED, "RED"),
        (Colour.BLUE, "blue"),
        (Level.HIGH, "HIGH"),
        (range(3), "range(0, 3)"),
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (np.longdouble(0.5), 0.5),
        (pd.Timestamp("2026-01-02", tz="UTC"), "2026-01-02T00:00:00+00:00"),
        (pd.NaT, None),
        (pd.NA, None),
        (Loud("still here"), "still here"),
        (len, "len"),
        (math.sqrt, "math.sqrt"),
        (int, "int"),
        ("nul\0and \ud800", "nul\\x00and \\ud800"),
    ],
)
def test_a_scalar_is_one_parameter(described, value, recorded) -> None:
    found = described(value)

    assert found.parameters == {"x": recorded}
    assert type(found.parameters["x"]) is type(recorded)
    assert found.artifacts == ()


def test_nan_and_infinities_stay_numbers(described) -> None:
    assert math.isnan(described(math.nan).parameters["x"])
    assert described(-math.inf).parameters == {"x": -math.inf}


def test_an_integer_past_what_python_prints_is_hexadecimal_and_short(described) -> None:
    text = described(10**5000).parameters["x"]

    assert text.startswith("0x31e20801036510f3c591")
    assert len(text) < 1_100


def test_functions_and_classes_go_by_name(described) -> None:
    assert described(double).parameters == {"x": f"{__name__}.double"}
    assert described(Colour).parameters == {"x": f"{__name__}.Colour"}


def test_text_too_long_for_a_parameter_is_a_document(artifact) -> None:
    found = artifact("word " * 2_000)

    assert (found.type, found.media_type, found.size_bytes) == ("Document", "text/plain", 10_000)
    assert found.payload.write() == b"word " * 2_000
    assert len(found.properties["preview"]) <= 1_025
    assert artifact("<html>" + "x" * 5_000).media_type == "text/html"


def test_bytes_are_identified_by_their_content(artifact) -> None:
    data = bytearray(b"some bytes")

    found = artifact(data)
    data[:] = b"other data"
    assert found.identity == artifact(b"some bytes").identity
    assert found.payload.write() == b"some bytes"


def test_what_is_too_large_to_read_is_sampled(artifact) -> None:
    for make in (lambda end: "x" * 12_000_000 + end, lambda end: b"x" * 12_000_000 + end.encode()):
        found = artifact(make("a"), max_bytes=20_000_000)
        assert found.identity.startswith("sample-sha256:")
        assert found.identity == artifact(make("a")).identity != artifact(make("b")).identity


def test_text_and_bytes_of_equal_content_and_a_file_of_it_are_one(artifact, tmp_path) -> None:
    text = "line\n" * 1_000
    (tmp_path / "a.txt").write_text(text)

    identities = {artifact(text).identity, artifact(text.encode()).identity, artifact(tmp_path / "a.txt").identity}
    assert len(identities) == 1
