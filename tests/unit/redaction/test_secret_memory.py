"""Secrets met once are scrubbed from what comes later."""

import threading
import urllib.parse

import pytest

from plugin_core.redaction import REDACTED, Redactor, SecretMemory, secret_strings


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(memory=SecretMemory())


def test_a_secret_met_in_an_argument_is_scrubbed_from_an_error(redactor: Redactor) -> None:
    redactor.parameter("password", "correcthorse")

    assert redactor.text("cannot log in with correcthorse") == f"cannot log in with {REDACTED}"


def test_a_url_password_is_scrubbed_where_it_stands_alone(redactor: Redactor) -> None:
    redactor.text("postgres://bob:p%40ssw0rd@h/db")

    assert redactor.text("tried p@ssw0rd and p%40ssw0rd") == f"tried {REDACTED} and {REDACTED}"


@pytest.mark.parametrize("written", [repr, urllib.parse.quote, lambda text: text.replace("\n", "\\n")])
def test_a_secret_is_known_in_its_other_spellings(redactor: Redactor, written) -> None:
    secret = "line one/\nand line two"
    redactor.remember(secret)

    assert "line one" not in redactor.text(f"<{written(secret)}>")


@pytest.mark.parametrize("word", ["abc", "train", "postgres", "password", "default", ""])
def test_words_that_would_spoil_every_text_are_not_remembered(redactor: Redactor, word: str) -> None:
    redactor.remember(word)

    assert redactor.text(f"the {word} again") == f"the {word} again"


def test_what_is_remembered_is_bounded_and_the_newest_stay() -> None:
    memory = SecretMemory(capacity=10)
    for i in range(100):
        memory.add(f"secret-number-{i}")

    assert memory.scrub("secret-number-99") == REDACTED
    assert memory.scrub("secret-number-5 ") == "secret-number-5 "


def test_a_memory_does_not_show_what_it_holds() -> None:
    memory = SecretMemory()
    memory.add("correcthorse")

    assert "correcthorse" not in repr(memory)
    assert memory.is_in(b"..correcthorse..")


def test_many_threads_may_remember_and_scrub_at_once(redactor: Redactor) -> None:
    failed: list[str] = []

    def work(number: int) -> None:
        for i in range(200):
            secret = f"thread{number}-secret{i}"
            redactor.remember(secret)
            if secret in redactor.text(f"x {secret} y"):
                failed.append(secret)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_the_strings_of_a_secret_container_are_found() -> None:
    given = {"user": "bob", "more": ["one", (b"two", 3)]}

    assert sorted(secret_strings(given)) == ["bob", "one", "two"]
