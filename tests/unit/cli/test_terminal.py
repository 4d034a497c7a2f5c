"""How things look: widths, encodings, colours, and text that would command the terminal."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.text import Text

from plugin_core.cli import terminal as look
from plugin_core.cli.terminal import Column, Terminal, fit
from plugin_core.model.components import Status

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def terminal(width=None, encoding="utf-8", **environ) -> tuple[Terminal, io.BytesIO]:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    return Terminal(stream, width=width, now=NOW, environ={"TERM": "xterm-256color", **environ}), raw


def printed(part, **options) -> str:
    shown, raw = terminal(**options)
    shown.print(part(shown))
    return raw.getvalue().decode(shown.stream.encoding)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "0 ms"),
        (0.34, "340 ms"),
        (12.34, "12.3 s"),
        (59.97, "1 min 00 s"),
        (125, "2 min 05 s"),
        (11_220, "3 h 07 min"),
        (187_200, "2 d 04 h"),
        (-1, "0 ms"),
    ],
)
def test_durations_have_two_units_at_most(seconds, text):
    assert look.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, ""),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (123_456, "123 kB"),
        (999_600, "1.0 MB"),
        (10**16, "10000 TB"),
    ],
)
def test_sizes_are_decimal(count, text):
    assert look.size(count) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (0.1 + 0.2, "0.3"), (float("nan"), "NaN"), (float("-inf"), "-Infinity"), (1e9, "1e+09"), (3.0, "3")],
)
def test_numbers_have_six_digits_and_names(value, text):
    assert look.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "just now"), (59, "59 s ago"), (3_599, "59 min ago"), (90_000, "1 d ago"), (-3_600, "in the future")],
)
def test_what_was_a_while_ago_is_told_in_one_unit(seconds, text):
    assert look.ago(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(("days", "text"), [(29.9, "29 d ago"), (30, "2026-01-30"), (264, "2025-06-10")])
def test_what_was_long_ago_is_told_by_its_day(days, text):
    shown, _ = terminal(width=80)
    assert shown.when(NOW - timedelta(days=days)) == text


@pytest.mark.parametrize("status", list(Status))
def test_a_state_is_an_icon_and_a_word_never_colour_alone(status):
    shown, _ = terminal()
    plain, _ = terminal(encoding="ascii")

    icon, _, word = shown.status(status).plain.partition(" ")
    assert (len(icon), word) == (1, status.value.replace("_", " "))
    assert plain.status(status).plain.isascii()


def test_an_inferred_state_says_so():
    assert terminal()[0].status(Status.FAILED, inferred=True).plain == "✕ failed (inferred)"


def test_colours_are_for_terminals_that_want_them():
    def part(shown):
        return shown.status(Status.FAILED)

    assert "\x1b[38;" in printed(part, width=80)
    assert "\x1b[38;" not in printed(part, width=80, NO_COLOR="1")
    assert "\x1b" not in printed(part)


def test_control_characters_of_a_name_do_not_reach_the_terminal():
    hostile = "a\x1b[2Jb\x07\u202ec\x9bd\ud800"

    assert look.clean(hostile) == "a\\x1b[2Jb\\x07\\u202ec\\x9bd\\ud800"
    assert look.clean("a\nb") == "a b"
    assert look.clean("a\nb", lines=True) == "a\nb"


def test_a_piped_table_is_neither_cut_nor_padded():
    long = "x" * 300
    text = printed(lambda shown: shown.table([Column("A"), Column("B")], [[long, "y"], ["short", ""]]))

    assert text.splitlines() == [f"A{' ' * 299}  B", f"{long}  y", "short"]


def test_a_table_fits_its_terminal():
    columns = [Column("ID", keep=True), Column("NAME"), Column("NOTE", drop=1)]
    text = printed(lambda shown: shown.table(columns, [["i" * 20, "n" * 50, "o" * 50]]), width=40, NO_COLOR="1")
    lines = [Text.from_ansi(line).plain for line in text.splitlines()]

    assert max(map(len, lines)) <= 40
    assert "i" * 20 in lines[1]
    assert "…" in lines[1]


def test_wide_characters_are_counted_as_wide():
    text = printed(lambda shown: shown.table([Column("NAME"), Column("N")], [["日本", "1"], ["abcd", "2"]]))
    assert text.splitlines()[1:] == ["日本  1", "abcd  2"]


def test_ascii_terminals_get_ascii():
    def part(shown):
        return shown.table([Column("NAME")], [["n" * 50]])

    assert printed(part, width=20, encoding="ascii", NO_COLOR="1").isascii()


def test_columns_go_by_their_order_once_nothing_is_left_to_cut():
    columns = [Column("A", keep=True), Column("B", drop=1), Column("C", keep=True, drop=2)]

    assert list(fit(columns, [10, 10, 10], 34)) == [0, 1, 2]
    assert list(fit(columns, [10, 10, 10], 33)) == [0, 1]
    assert list(fit(columns, [10, 10, 10], 12)) == [0]
    assert list(fit([Column("A", keep=True)], [50], 10)) == [0]


def test_room_that_a_dropped_column_leaves_is_used():
    columns = [Column("A"), Column("B", keep=True, drop=1)]
    assert fit(columns, [30, 20], 32) == {0: 10, 1: 20}
    assert fit(columns, [30, 20], 31) == {0: 30}


def test_errors_name_cause_fix_and_code():
    block = terminal()[0].error_block("It broke.", (("cause", "rust"), ("fix", "oil")))
    assert [line.strip() for line in block.splitlines()][1:] == ["cause: rust", "fix:   oil"]


@pytest.mark.parametrize(
    ("count", "things", "told"),
    [(0, "events", "0 events"), (1, "events", "1 event"), (2, "trials", "2 trials"), (1, "series", "1 series")],
)
def test_one_thing_is_not_told_in_the_plural(count, things, told):
    assert look.counted(count, things) == told
