"""Which names are secret, and which only look like it."""

import pytest

from plugin_core.redaction import Redactor, SecretMemory


def words(text: str) -> list[str]:
    return text.split()


def redactor(*patterns: str) -> Redactor:
    return Redactor(patterns, memory=SecretMemory())


@pytest.mark.parametrize(
    "name",
    words(
        "password passwd DB_PASSWORD dbpassword userPassword smtp_pass pwd passphrase secret client_secret "
        "secrets token apiKey APIKey api_key OPENAI_API_KEY private_key aws_secret_access_key "
        "access_key_id credential credentials dsn auth cookie session session_id refresh_token hf_token "
        "AUTH_TOKEN jwt connection_string encryption-key "
        "config.db.password secrets.first fs.azure.account.key"
    ),
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert redactor().is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    words(
        "max_tokens n_tokens tokenizer tokenize key keys sort_key primary_key public_key author authors monkey keyword "
        "session_length pad_token token_type compass passage bypass secretary low_pass n_pass turnkey cache_key "
        "password_file learning_rate x"
    ),
)
def test_names_that_only_look_secret_are_kept(name: str) -> None:
    assert not redactor().is_secret_name(name)


def test_numbers_under_mild_names_are_kept_and_text_is_not() -> None:
    assert not redactor().hides("token", 5)
    assert redactor().hides("token", "abc")
    assert redactor().hides("password", 1234)
    assert not redactor().hides("password_length", 12)


@pytest.mark.parametrize("value", [None, True, False])
def test_nothing_and_flags_are_never_secret(value: object) -> None:
    assert not redactor().hides("password", value)


def test_more_names_are_given_as_globs() -> None:
    mine = redactor("ssn", "*_PIN", "patient.*")

    assert mine.is_secret_name("user_ssn")
    assert mine.is_secret_name("card_pin")
    assert mine.is_secret_name("patient.name")
    assert not mine.is_secret_name("spinning")


def test_any_of_many_names_is_found_at_once() -> None:
    assert redactor().may_name_secret("age\nname\nDB_Password")
    assert not redactor().may_name_secret("age\nname\ncolour")
    assert redactor("ssn").may_name_secret("age")


def test_a_parameter_is_hidden_at_any_depth() -> None:
    given = {"user": "bob", "password": "hunter22", "n": 3, "more": [{"api_key": "k"}]}

    shown = redactor().parameter("config", given)

    assert shown == {"user": "bob", "password": "[redacted]", "n": 3, "more": [{"api_key": "[redacted]"}]}
