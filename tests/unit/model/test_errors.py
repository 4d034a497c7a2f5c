import pickle

import pytest

from plugin_core import errors

CLASSES = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.FlowtrailError)]


def test_each_error_has_a_code_of_its_own():
    assert len({c.code for c in CLASSES}) == len(CLASSES)


def test_the_tree_in_the_docstring_names_every_error():
    missing = [c.__name__ for c in CLASSES if f"* {c.__name__}" not in errors.__doc__]

    assert missing == []


@pytest.mark.parametrize(
    "error",
    [
        errors.NotFoundError("run", "r1", hint="Look at `flowtrail ls`."),
        errors.UnflushedError(3, "/spool"),
        errors.NoActiveRunError("no run", trail=("a", "b")),
    ],
)
def test_errors_cross_process_pools_whole(error):
    landed = pickle.loads(pickle.dumps(error))

    assert str(landed) == str(error)
    assert vars(landed) == vars(error)


def test_a_message_says_what_happened_what_to_do_and_its_code():
    assert (
        str(errors.NotFoundError("run", "r1", hint="Look at `flowtrail ls`."))
        == "run 'r1' does not exist. Look at `flowtrail ls`. [flowtrail-E002]"
    )
