"""Where a client's key comes from: the variables of AWS's clients, or all else that those look at."""

from __future__ import annotations

import os
from typing import Any, Final

from plugin_core.errors import SettingsError, StoreUnavailableError
from plugin_core.stores.remote.signing import Key

_HINT: Final = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or check AWS_PROFILE."


class KeyChain:
    """The key to sign with, asked for before each request: what has an end is renewed by who gave it.

    ``may_be_open``: the server may need no key, so that none is looked for beyond the variables before it asks for
    one. To look costs each process a tenth of a second, and seconds where a cloud's own place for keys is not there.
    """

    def __init__(self, profile: str | None = None, *, may_be_open: bool = False) -> None:
        self._profile = profile
        self._may_be_open = may_be_open and profile is None
        self._found: Any = None
        self._has_looked = False

    def key(self) -> Key | None:
        """The key; None if there is none anywhere, for servers that need none. SettingsError, StoreUnavailableError."""
        if self._profile is None and (key := _of_environment()) is not None:
            return key
        if self._may_be_open and "AWS_PROFILE" not in os.environ:
            return None
        if not self._has_looked:
            self._found, self._has_looked = self._looked_for(), True
        return None if self._found is None else self._frozen()

    def is_asked_for(self) -> bool:
        """Take note that the server wants a key; whether there may be one that was not looked for yet."""
        was_open, self._may_be_open = self._may_be_open, False
        return was_open

    def _frozen(self) -> Key:
        from botocore.exceptions import BotoCoreError

        try:
            frozen = self._found.get_frozen_credentials()
        except BotoCoreError as error:
            raise StoreUnavailableError(f"The key of the server cannot be renewed: {error}.", hint=_HINT) from error
        return Key(frozen.access_key, frozen.secret_key, frozen.token)

    def _looked_for(self) -> Any:
        try:
            from botocore.exceptions import BotoCoreError
            from botocore.session import Session
        except ImportError:
            if self._profile is None:
                return None
            raise SettingsError(
                f"The profile {self._profile!r} cannot be read without botocore.",
                hint='Install it: pip install "flowtrail[aws]".',
            ) from None
        try:
            return Session(profile=self._profile).get_credentials()
        except BotoCoreError as error:
            raise SettingsError(f"The key of the server cannot be found: {error}.", hint=_HINT) from error


def _of_environment() -> Key | None:
    if "AWS_PROFILE" in os.environ:
        return None
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    return Key(key, secret, os.environ.get("AWS_SESSION_TOKEN")) if key and secret else None
