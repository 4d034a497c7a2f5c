"""Checks of requests, compiled from a service model's shapes: what botocore's clients leave to the server.

Everything that is wrong is said at once, in AWS's words. Java's patterns are translated; a dot also
matches a line's end, since clients send messages of several lines. Limits can be lifted: then lengths and
counts are free, and only names and ARNs keep their form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from plugin_core.wire.faults import WireError, invalid
from plugin_core.wire.services import ServiceModel

Problems: TypeAlias = list[str]
Path: TypeAlias = tuple[Any, ...]  # of a member: the path above it, and its name; written out for a problem alone
Check: TypeAlias = Callable[[Any, Path, Problems], Any]
Shape: TypeAlias = Mapping[str, Any]

_SHOWN_CHARS: Final = 200
_MOST_PROBLEMS: Final = 20
_INT_RANGES: Final = {"integer": 2**31, "long": 2**63}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST_SECOND: Final = 253_402_300_799  # of year 9999
FIRST_SECOND: Final = -62_135_596_800  # of year 1
_JAVA_CLASSES: Final = {
    r"\p{L}\p{Z}\p{N}_": r"\w\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
}
_TRIVIAL: Final = frozenset({".*", "[\\s\\S]*"})
_FORMAL: Final = ("Name", "NameOrArn", "Arn")  # how shapes end whose form is not a limit
_FLOAT_WORDS: Final = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def compile_input(model: ServiceModel, operation: str, *, limits: bool) -> Callable[[Any], dict[str, Any]]:
    """A function that returns an operation's checked members or raises WireError."""
    shape = model.input_shape(operation)
    check = _Compiler(model.shapes, limits=limits).of(shape) if shape else _nothing

    def checked(value: Any) -> dict[str, Any]:
        problems: Problems = []
        members: dict[str, Any] = check(value, (), problems)
        if problems:
            raise _refusal(problems)
        return members

    return checked


def _refusal(problems: Problems) -> WireError:
    count = len(problems)
    said = "; ".join(problems[:_MOST_PROBLEMS])
    return invalid(f"{count} validation error{'s' if count > 1 else ''} detected: {said}")


def _nothing(value: Any, path: Path, problems: Problems) -> dict[str, Any]:
    del value, path, problems
    return {}


def java_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern of a service model as one of Python's; it is meant to match the whole text."""
    for java, python in _JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern, re.DOTALL)


class _Compiler:
    """Makes one check for each shape, so that shapes which contain themselves end."""

    def __init__(self, shapes: Mapping[str, Shape], *, limits: bool) -> None:
        self._shapes, self._limits = shapes, limits
        self._made: dict[str, Check] = {}

    def of(self, name: str) -> Check:
        if name not in self._made:
            self._made[name] = lambda *given: self._made[name](*given)  # noqa: PLW0108 - found when it is called
            shape = self._shapes[name]
            self._made[name] = _KINDS[shape["type"]](self, name, shape)
        return self._made[name]

    def longest(self, shape: Shape, name: str = "") -> int | None:
        """The largest length or count, None where there is none or it is lifted."""
        found: int | None = shape.get("max") if self._limits or name.endswith(_FORMAL) else None
        return found

    def pattern(self, shape: Shape, name: str) -> re.Pattern[str] | None:
        text = shape.get("pattern")
        if text is None or text in _TRIVIAL or not (self._limits or name.endswith(_FORMAL)):
            return None
        return java_pattern(text)


def _said(value: Any, path: Path, rule: str) -> str:
    text = value if isinstance(value, str) else repr(value)
    shown = text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "..."
    at = ".".join(part[:1].lower() + part[1:] for part in _parts(path)) or "request"
    return f"Value {shown!a} at '{at}' failed to satisfy constraint: Member {rule}"


def _parts(path: Path) -> list[str]:
    parts: list[str] = []
    while path:
        path, name = path
        parts.append(str(name))
    return parts[::-1]


def _structure(compiler: _Compiler, name: str, shape: Shape) -> Check:
    members = {member: compiler.of(reference["shape"]) for member, reference in shape["members"].items()}
    required = tuple(shape.get("required", ()))

    def check(value: Any, path: Path, problems: Problems) -> Any:
        if not isinstance(value, dict):
            problems.append(_said(value, path, f"must be a structure ({name})"))
            return value
        for wanted in required:
            if value.get(wanted) is None:
                problems.append(_said("null", (path, wanted), "must not be null"))
        found: dict[str, Any] = {}
        for member, inner in value.items():
            if inner is None:
                continue
            checked = members.get(member)
            if checked is None:
                problems.append(_said(member, path, f"must be one of {name}: {', '.join(members)}"))
                continue
            found[member] = checked(inner, (path, member), problems)
        return found

    return check


def _list(compiler: _Compiler, _name: str, shape: Shape) -> Check:
    item = compiler.of(shape["member"]["shape"])
    measure = _measured(shape.get("min"), compiler.longest(shape))

    def check(value: Any, path: Path, problems: Problems) -> Any:
        if not isinstance(value, list):
            problems.append(_said(value, path, "must be a list"))
            return value
        if not measure(value, path, problems):
            return value
        return [item(inner, ((path, i), "member"), problems) for i, inner in enumerate(value, 1)]

    return check


def _map(compiler: _Compiler, _name: str, shape: Shape) -> Check:
    key, inner = compiler.of(shape["key"]["shape"]), compiler.of(shape["value"]["shape"])
    measure = _measured(shape.get("min"), compiler.longest(shape))

    def check(value: Any, path: Path, problems: Problems) -> Any:
        if not isinstance(value, dict):
            problems.append(_said(value, path, "must be a map"))
            return value
        if not measure(value, path, problems):
            return value
        return {
            key(name, (path, "key"), problems): inner(given, ((path, name), "member"), problems)
            for name, given in value.items()
            if given is not None
        }

    return check


def _measured(least: int | None, most: int | None) -> Callable[[Any, Path, Problems], bool]:
    """Whether a text or collection has a length within bounds; the problem is noted."""

    def check(value: Any, path: Path, problems: Problems) -> bool:
        if most is not None and len(value) > most:
            problems.append(_said(value, path, f"must have length less than or equal to {most}"))
            return False
        if least is not None and len(value) < least:
            problems.append(_said(value, path, f"must have length greater than or equal to {least}"))
            return False
        return True

    return check


def _string(compiler: _Compiler, name: str, shape: Shape) -> Check:
    allowed = shape.get("enum")
    if allowed is not None:
        return _enum(tuple(allowed))
    measure = _measured(shape.get("min"), compiler.longest(shape, name))
    pattern = compiler.pattern(shape, name)
    matches = pattern.fullmatch if pattern is not None else None

    def check(value: Any, path: Path, problems: Problems) -> Any:
        if not isinstance(value, str):
            problems.append(_said(value, path, "must be a string"))
        elif measure(value, path, problems) and matches is not None and matches(value) is None:
            problems.append(_said(value, path, f"must satisfy regular expression pattern: {shape['pattern']}"))
        return value

    return check


def _enum(allowed: tuple[str, ...]) -> Check:
    known = frozenset(allowed)

    def check(value: Any, path: Path, problems: Problems) -> Any:
        if not isinstance(value, str) or value not in known:
            problems.append(_said(value, path, f"must satisfy enum value set: [{', '.join(allowed)}]"))
        return value

    return check


def _integer(_compiler: _Compiler, _name: str, shape: Shape) -> Check:
    end = _INT_RANGES[shape["type"]]
    least, most = max(shape.get("min", -end), -end), min(shape.get("max", end - 1), end - 1)

    def check(value: Any, path: Path, problems: Problems) -> Any:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            problems.append(_said(value, path, "must be an integer"))
        elif value < least:
            problems.append(_said(value, path, f"must have value greater than or equal to {least}"))
        elif value > most:
            problems.append(_said(value, path, f"must have value less than or equal to {most}"))
        return value

    return check


def _double(_compiler: _Compiler, _name: str, _shape: Shape) -> Check:
    def check(value: Any, path: Path, problems: Problems) -> Any:
        if isinstance(value, bool):
            return float(value)  # the SDK sends true for True
        if isinstance(value, str) and value in _FLOAT_WORDS:
            return _FLOAT_WORDS[value]
        if not isinstance(value, int | float):
            problems.append(_said(value, path, "must be a number"))
            return value
        try:
            float(value)
        except OverflowError:
            problems.append(_said(value, path, "must be a number that a double can hold"))
        return value

    return check


def _boolean(_compiler: _Compiler, _name: str, _shape: Shape) -> Check:
    def check(value: Any, path: Path, problems: Problems) -> Any:
        if not isinstance(value, bool):
            problems.append(_said(value, path, "must be true or false"))
        return value

    return check


def _timestamp(_compiler: _Compiler, _name: str, _shape: Shape) -> Check:
    def check(value: Any, path: Path, problems: Problems) -> Any:
        found = moment(value)
        if found is None:
            problems.append(_said(value, path, "must be a timestamp: seconds since the epoch, or ISO 8601"))
        return found

    return check


def moment(value: Any) -> datetime | None:
    """Epoch seconds, with a fraction or not, or ISO 8601, as an aware datetime; None for anything else."""
    if isinstance(value, str):
        return _moment_of_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not FIRST_SECOND <= value <= LAST_SECOND:  # false for NaN, too
        return None
    return _EPOCH + timedelta(microseconds=round(value * 1_000_000))


def _moment_of_text(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_KINDS: Final[Mapping[str, Callable[[_Compiler, str, Shape], Check]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _integer,
    "long": _integer,
    "double": _double,
    "float": _double,
    "boolean": _boolean,
    "timestamp": _timestamp,
}
