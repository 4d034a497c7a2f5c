"""Names that are made up, in the API's form."""

from __future__ import annotations

import random
import string
from datetime import UTC, datetime
from typing import Final

_LETTERS: Final = 4
_random: Final = random.SystemRandom()  # a seed that a user sets for training must not repeat names


def unique_name(prefix: str) -> str:
    """``<prefix>-<UTC to the microsecond>-<four letters>``."""
    letters = "".join(_random.sample(string.ascii_lowercase, _LETTERS))
    return f"{prefix}-{datetime.now(UTC):%Y-%m-%d-%H%M%S%f}-{letters}"
