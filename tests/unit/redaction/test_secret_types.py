"""Types that say that they are secret are recognised without importing them."""

import subprocess
import sys

import pytest
from prefect.blocks.system import Secret
from prefect.types import SecretDict
from pydantic import SecretBytes, SecretStr

from plugin_core.redaction import is_secret_type, secret_strings


class EnvVar(str):
    __slots__ = ()
    __module__ = "dagster._config.field_utils"


class MyResource:
    __module__ = "mycompany.resources"


class ConfigurableResource(MyResource):
    __module__ = "dagster._config.pythonic_config.resource"


class Warehouse(ConfigurableResource):
    __module__ = "mycompany.resources"


@pytest.mark.parametrize(
    "value",
    [SecretStr("x"), SecretBytes(b"x"), SecretDict({"a": "b"}), Secret(value="x"), EnvVar("HOME"), Warehouse()],
)
def test_secret_types_are_recognised(value: object) -> None:
    assert is_secret_type(value)


@pytest.mark.parametrize("value", ["x", 1, None, object(), MyResource(), {}, [SecretStr("x")], SecretStr])
def test_other_types_are_not(value: object) -> None:
    assert not is_secret_type(value)


def test_a_hostile_metaclass_is_not_asked() -> None:
    class Meta(type):
        def __hash__(cls):
            raise RuntimeError

        def __eq__(cls, other):
            raise RuntimeError

        @property
        def __mro__(cls):
            raise RuntimeError

    class Value(metaclass=Meta):
        __module__ = property(lambda self: 1 / 0)

    assert not is_secret_type(Value())


def test_what_a_secret_type_holds_is_found() -> None:
    assert secret_strings(SecretStr("correcthorse")) == ["correcthorse"]
    assert "correcthorse" in secret_strings(Secret(value="correcthorse"))


def test_redaction_imports_nothing_but_the_standard_library() -> None:
    code = "import sys, plugin_core.redaction; print(any(m in sys.modules for m in ('pydantic', 'prefect', 'numpy')))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "False"
