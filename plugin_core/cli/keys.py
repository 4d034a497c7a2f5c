"""`flowtrail keys create|list|revoke`: who may ask a server of this record."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from plugin_core.cli.session import JsonOption, ProfileOption, Session, StoreOption
from plugin_core.errors import InvalidValueError
from plugin_core.wire.caller import DEFAULT_TENANT, Role

if TYPE_CHECKING:
    from plugin_core.server.keys import Keys, NewKey
    from plugin_core.stores.keys import AccessKey

_DURATION: Final = re.compile(r"([1-9][0-9]{0,4})([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def create(
    role: Annotated[Role, typer.Option("--role", help="What the key is for.")] = Role.WRITER,
    tenant: Annotated[str, typer.Option("--tenant", metavar="NAME", help="Whose record it opens.")] = DEFAULT_TENANT,
    label: Annotated[str | None, typer.Option("--label", metavar="TEXT", help="To know it by.")] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="AFTER", help="30m, 12h, 90d or 52w; without it, never.")
    ] = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    profile: ProfileOption = None,
) -> None:
    """Make a key and print it, once, as the variables that AWS's clients read."""
    from plugin_core.server.tenants import place_of

    session = Session(store=store, profile=profile, as_json=as_json)
    place_of(tenant, session.settings)
    with _keys(session) as keys:
        made = keys.create(role, tenant=tenant, label=label, lifetime=_lifetime(expires))
    _show(session, made)


def list_keys(as_json: JsonOption = False, store: StoreOption = None, profile: ProfileOption = None) -> None:
    """List the keys, without their secrets."""
    session = Session(store=store, profile=profile, as_json=as_json)
    with _keys(session) as keys:
        found = keys.all()
    now = datetime.now(UTC)
    if as_json:
        session.print_json([_view(key, now) for key in found])
    elif found:
        from plugin_core.cli.terminal import Column

        names = ("KEY", "ROLE", "TENANT", "STATE", "CREATED", "EXPIRES", "LAST USED", "LABEL")
        rows = [[str(value) for value in _row(key, now)] for key in found]
        session.terminal.print(session.terminal.table([Column(name, keep=name == "KEY") for name in names], rows))
    else:
        session.say("There are no keys: only this machine can use the server.")


def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY", help="The key's id.")],
    as_json: JsonOption = False,
    store: StoreOption = None,
    profile: ProfileOption = None,
) -> None:
    """Let a key be good no more: at once in the record, within five seconds in running servers."""
    session = Session(store=store, profile=profile, as_json=as_json)
    with _keys(session) as keys:
        keys.revoke(key_id)
        key = next(key for key in keys.all() if key.id == key_id)
    if as_json:
        session.print_json(_view(key, datetime.now(UTC)))
    session.say(f"{key_id} is revoked.")


@contextmanager
def _keys(session: Session) -> Generator[Keys]:
    from plugin_core.server.keys import Keys
    from plugin_core.server.secret import server_secret
    from plugin_core.stores import open_keys

    secret = server_secret(session.settings.server_dir, os.environ)
    with closing(open_keys(session.settings.store)) as store:
        yield Keys(store, secret)


def _lifetime(text: str | None) -> timedelta | None:
    if text is None:
        return None
    parts = _DURATION.fullmatch(text)
    if parts is None:
        raise InvalidValueError(f"{text!r} is no time after which a key expires.", hint="Use 30m, 12h, 90d or 52w.")
    return timedelta(**{_UNITS[parts[2]]: int(parts[1])})


def _show(session: Session, made: NewKey) -> None:
    if session.as_json:
        session.print_json({**_view(made.key, made.key.created_at), "secret": made.secret})
        return
    print(f"AWS_ACCESS_KEY_ID={made.key.id}\nAWS_SECRET_ACCESS_KEY={made.secret}")
    session.say("The secret is not shown again.")


def _state(key: AccessKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "good" if key.is_good(now) else "expired"


def _view(key: AccessKey, now: datetime) -> dict[str, Any]:
    return {
        "id": key.id,
        "role": key.role,
        "tenant": key.tenant,
        "label": key.label,
        "state": _state(key, now),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "used_at": key.used_at,
    }


def _row(key: AccessKey, now: datetime) -> list[str]:
    times = [_minute(at) for at in (key.created_at, key.expires_at, key.used_at)]
    return [key.id, key.role, key.tenant, _state(key, now), *times, key.label or ""]


def _minute(at: datetime | None) -> str:
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M}"
