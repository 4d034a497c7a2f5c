import logging

import pytest

from plugin_core.capture.guard import Guard
from plugin_core.errors import StoreUnavailableError


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), RecursionError(), MemoryError()])
def test_what_goes_wrong_inside_stays_inside_and_is_counted(error, caplog):
    guard = Guard()
    for _ in range(3):
        with guard("a test"):
            raise error

    assert guard.failures[("a test", type(error).__name__)] == 3
    assert len(caplog.records) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit()])
def test_what_the_user_or_the_interpreter_asks_for_passes(error):
    with pytest.raises(type(error)), Guard()("a test"):
        raise error


def test_the_text_of_a_foreign_error_is_not_in_the_warning(caplog):
    with caplog.at_level(logging.WARNING), Guard()("a test"):
        raise ValueError("hunter2")

    assert "hunter2" not in caplog.text
    assert "ValueError" in caplog.text


def test_in_strict_mode_our_own_errors_are_raised_and_foreign_ones_are_not():
    guard = Guard(strict=True)
    with guard("a test"):
        raise ValueError
    with pytest.raises(StoreUnavailableError), guard("a test"):
        raise StoreUnavailableError("down")
