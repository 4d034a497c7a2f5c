"""`flowtrail journal`: what a journal's file holds, and whether it is whole. For diagnosis; changes nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer
from rich.text import Text

from plugin_core.cli.session import JsonOption
from plugin_core.cli.statuses import FAILED
from plugin_core.cli.terminal import GREEN, ORANGE, VERMILLION, Terminal, clean, counted, size, stamp
from plugin_core.cli.views import jsonable, to_json
from plugin_core.journal.inspection import JournalFile
from plugin_core.model.changes import AppendPoints, Change
from plugin_core.tracking.settings import redacted_url

Files: TypeAlias = Annotated[
    list[Path], typer.Argument(metavar="FILE", help="Files of journals: those of the spool, or of its quarantine.")
]
_SUBJECTS: Final = ("component", "name", "source_uri", "node", "source", "owner")  # what a change is about
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def verify(files: Files, as_json: JsonOption = False) -> None:
    """Tell whether journals' files are whole, and what is missing.

    Exits with 1 if one is damaged.
    """
    found = [JournalFile(path) for path in files]
    for file in found:
        for _ in file.changes():
            pass
    if as_json:
        print(to_json([document(file) for file in found]))
    else:
        _print_verdicts(found, Terminal.of_process())
    _fail_if_damaged(found)


def cat(files: Files, as_json: JsonOption = False) -> None:
    """Print the changes that journals' files hold, one a line.

    Damaged files are read around the damage; then the status is 1.
    """
    found = [JournalFile(path) for path in files]
    terminal = Terminal.of_process()
    for file in found:
        for change in file.changes():
            if as_json:
                print(json.dumps(content(change), ensure_ascii=False, allow_nan=False))
            else:
                terminal.print(line(change, terminal))
    _print_verdicts([file for file in found if file.damage or file.is_newer], Terminal.of_process(sys.stderr))
    _fail_if_damaged(found)


def _print_verdicts(files: list[JournalFile], terminal: Terminal) -> None:
    for file in files:
        terminal.print(verdict(file, terminal), *notes(file))


def _fail_if_damaged(files: list[JournalFile]) -> None:
    if any(file.damage for file in files):
        raise typer.Exit(FAILED)


def verdict(file: JournalFile, terminal: Terminal) -> Text:
    """One line on a file: whether it is whole, how much it holds, and whose it is."""
    word, style = ("damaged", VERMILLION) if file.damage else ("newer", ORANGE) if file.is_newer else ("ok", GREEN)
    owner = None if file.header is None else file.header.owner
    facts = (
        counted(file.events, "events"),
        size(file.size_bytes),
        "" if owner is None else f"process {owner.pid} on {owner.host}",
        "" if file.header is None else redacted_url(file.header.store_url),
    )
    shown = f" {terminal.dot()} ".join(clean(fact) for fact in facts if fact)
    return Text.assemble((word, style), f"  {clean(str(file.path))}  ", (shown, "dim"))


def notes(file: JournalFile) -> Iterator[Text]:
    """A line for each thing that is not as it should be."""
    damage = file.damage
    if file.is_newer:
        yield Text("  only a newer flowtrail can read it")
    for start, end in damage.regions:
        yield Text(f"  bytes {start - file.start} to {end - file.start} are no part of any event")
    for count, things, what in (
        (damage.lost_events, "events", "missing from the sequence"),
        (damage.nameless_points, "points", "of which the damage took the name"),
        (damage.duplicates, "events", "there twice"),
        (len(damage.unknown), "events", "that only a newer flowtrail can read"),
        (damage.torn_bytes, "bytes", "of a last event that was never finished, which is no damage"),
    ):
        if count:
            yield Text(f"  {counted(count, things)} {what}")


def document(file: JournalFile) -> dict[str, Any]:
    """What `journal verify --json` says of a file. Places are offsets in the file."""
    damage = asdict(file.damage)
    regions = [[start - file.start, end - file.start] for start, end in damage.pop("regions")]
    unknown = [position - file.start for position in damage.pop("unknown")]
    return {
        "path": file.path,
        "journal": file.journal,
        "start": file.start,
        "size_bytes": file.size_bytes,
        "owner": None if file.header is None else file.header.owner,
        "store_url": None if file.header is None else redacted_url(file.header.store_url),
        "newer": file.is_newer,
        "sealed": file.is_sealed,
        "events": file.events,
        "damaged": bool(file.damage),
        "bad_regions": regions,
        "unknown": unknown,
        **damage,
    }


def content(change: Change) -> dict[str, Any]:
    """A change in JSON's terms: its kind, and what it says. Times are microseconds since the epoch."""
    return {"change": type(change).__name__, **jsonable(change)}


def line(change: Change, terminal: Terminal) -> Text:
    """A change on one line: when, what kind, what it is about, and what else it says."""
    said = content(change)
    kind, subject = said.pop("change"), _subject(said)
    at = change.times[-1] if isinstance(change, AppendPoints) else change.at
    rest = _points(change) if isinstance(change, AppendPoints) else _rest(said)
    return Text.assemble(
        (_when(at), "dim"), f"  {kind}  ", (clean(subject), "bold"), f"  {terminal.clip(rest, terminal.width)}".rstrip()
    )


def _when(at: int) -> str:
    try:
        return stamp(_EPOCH + timedelta(microseconds=at))
    except OverflowError:  # users give times, too
        return f"{at} us"


def _subject(said: dict[str, Any]) -> str:
    """Take what a change is about out of what it says: a name, or the key of a node, or a process's journal."""
    subject = said.pop(next(name for name in _SUBJECTS if name in said))
    return str(subject.get("key") or subject.get("journal")) if isinstance(subject, dict) else str(subject)


def _points(change: AppendPoints) -> str:
    last = len(change.steps) - 1
    value = jsonable(change.data.get(last, change.values[last]))
    return f"{change.metric}  {counted(last + 1, 'points')}, last at step {change.steps[last]}: {value}"


def _rest(said: dict[str, Any]) -> str:
    shown = {name: value for name, value in said.items() if name != "at" and value not in (None, {}, [], "")}
    return json.dumps(shown, ensure_ascii=False) if shown else ""
