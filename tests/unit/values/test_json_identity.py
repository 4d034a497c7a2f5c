"""Equal JSON-like content has equal identity, in any process; different content has another."""

import subprocess
import sys
from collections import OrderedDict

import pytest

BIG = list(range(200))


def test_equal_content_is_one_identity(artifact) -> None:
    assert artifact([1, *BIG]).identity == artifact([1, *BIG]).identity
    assert artifact(tuple(BIG)).identity == artifact(BIG).identity
    assert (
        artifact({"a": BIG, "b": [BIG]} | dict.fromkeys(map(str, range(200)))).identity
        == artifact(OrderedDict({"a": BIG, "b": [BIG]} | dict.fromkeys(map(str, range(200))))).identity
    )


@pytest.mark.parametrize(
    "other",
    [
        [float(i) for i in BIG],
        [str(i) for i in BIG],
        [*BIG[:-1], 200],
        [*BIG, 0],
        [BIG],
        [*BIG[:-1], True],
        list(reversed(BIG)),
        [*BIG[:-1], 2**70],
    ],
)
def test_other_content_is_another(artifact, other) -> None:
    assert artifact(other).identity != artifact(BIG).identity


def test_lengths_keep_neighbouring_texts_apart(artifact) -> None:
    assert artifact(["ab", "c"] * 100).identity != artifact(["a", "bc"] * 100).identity
    assert artifact([["ab"], "c"] * 100).identity != artifact([["a"], "bc"] * 100).identity


def test_the_order_of_a_mapping_counts_and_that_of_a_set_does_not(artifact) -> None:
    keys = [f"key-number-{i}" for i in range(200)]

    assert artifact(dict.fromkeys(keys)).identity != artifact(dict.fromkeys(reversed(keys))).identity
    assert artifact(set(keys)).identity == artifact(frozenset(sorted(keys))).identity


def test_identity_is_the_same_in_another_process_with_other_hashes(artifact) -> None:
    code = (
        "from plugin_core.capture.values import describe, Limits\n"
        "from plugin_core.redaction import Redactor\n"
        "value = {f'key-number-{i}' for i in range(200)}\n"
        "print(describe('x', value, limits=Limits(budget_s=5), redactor=Redactor()).artifacts[0].identity)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )

    assert out.stdout.strip() == artifact({f"key-number-{i}" for i in range(200)}).identity


def test_a_list_too_long_to_read_is_sampled_the_same_way_every_time(artifact) -> None:
    one = artifact(list(range(300_000)))

    assert one.identity.startswith("sample-sha256:")
    assert one.identity == artifact(list(range(300_000))).identity
    assert one.identity != artifact(list(range(300_001))).identity
    assert one.payload is None
