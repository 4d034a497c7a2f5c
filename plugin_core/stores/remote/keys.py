"""Where a client's key comes from: the variables of AWS's clients, or all else that those look at."""

from __future__ import annotations

import os
from typing import Any

from plugin_core.errors import SettingsError
from plugin_core.stores.remote.signing import Key


class KeyChain:
    """The key to sign with, asked for before each request: what has an end is renewed by who gave it."""

    def __init__(self, profile: str | None = None) -> None:
        self._profile = profile
        self._found: Any = None
        self._has_looked = False

    def key(self) -> Key | None:
        """The key; None if there is none anywhere, for servers that need none. SettingsError."""
        if self._profile is None and (key := _of_environment()) is not None:
            return key
        if not self._has_looked:
            self._found, self._has_looked = self._looked_for(), True
        if self._found is None:
            return None
        frozen = self._found.get_frozen_credentials()
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
            raise SettingsError(
                f"The key of the server cannot be found: {error}.", hint="Check AWS_PROFILE."
            ) from error


def _of_environment() -> Key | None:
    if "AWS_PROFILE" in os.environ:
        return None
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    return Key(key, secret, os.environ.get("AWS_SESSION_TOKEN")) if key and secret else None
