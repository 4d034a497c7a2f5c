"""Page tokens: good for their listing, for a day, and for nobody else's."""

import pytest

from plugin_core.wire.faults import WireError
from plugin_core.wire.tokens import Pages, token_key

KEY = token_key(b"secret")


def test_a_token_gives_back_what_was_sealed_in_it():
    for after in ([1, "a"], [2.5, "\ud800", None], 7):
        assert Pages(KEY, 0, lambda: "x").open(Pages(KEY, 0, lambda: "x").seal(after)) == after


@pytest.mark.parametrize(
    "reader",
    [Pages(KEY, 0, lambda: "y"), Pages(KEY, 100_000, lambda: "x"), Pages(token_key(b"other"), 0, lambda: "x")],
    ids=["another listing", "too late", "another server"],
)
def test_a_token_is_refused_where_it_does_not_belong(reader):
    token = Pages(KEY, 0, lambda: "x").seal([1])

    with pytest.raises(WireError, match="NextToken"):
        reader.open(token)


@pytest.mark.parametrize("token", ["", "x", "====", "é", "AAAA", "A" * 9_000])
def test_what_is_no_token_is_refused(token):
    with pytest.raises(WireError, match="NextToken"):
        Pages(KEY, 0, lambda: "x").open(token)
