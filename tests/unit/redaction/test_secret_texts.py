"""What secrets look like in text, and what must not be taken for one."""

import hashlib
import uuid

import pytest

from plugin_core.redaction import REDACTED, Redactor, SecretMemory

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(memory=SecretMemory())


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        AWS_SECRET,
        JWT,
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "a1B2" * 9,
        "glpat-abcdefghij0123456789",
        "xoxb-123456789012-abcdef",
        "sk-proj-abcdefghij0123456789",
        "AIza" + "Sy0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV",
        "sk_live_abcdefghij0123",
        "hf_abcdefghijABCDEFGHIJ0123",
        "Xy7pQ2vL9mK4nB8wR3tZ",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_keys_are_replaced_alone_and_within_a_sentence(redactor: Redactor, secret: str) -> None:
    assert redactor.text(secret) == REDACTED
    assert redactor.text(f"it failed with {secret} as the key") == f"it failed with {REDACTED} as the key"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://u:p@ss/w0rd@h:5432/db", "postgres://u:[redacted]@h:5432/db"),
        ("https://ghp_abcdefghij0123456789@github.com/x", "https://[redacted]@github.com/x"),
        ("https://x.y/z?sig=abc&a=1&token=zz#top", "https://x.y/z?sig=[redacted]&a=1&token=[redacted]#top"),
        ("error: password=foo, user=x", "error: password=[redacted], user=x"),
        ("login failed (password='a b c')", "login failed (password='[redacted]')"),
        ('{"password":"x","n":1}', '{"password":"[redacted]","n":1}'),
        ("Authorization: Basic dXNlcjpwdw==", "Authorization: Basic [redacted]"),
        ("Bearer abc.def-123", "Bearer [redacted]"),
        ("tool --password hunter2 --n 3", "tool --password [redacted] --n 3"),
        ("host=h password=se'cret dbname=x", "host=h password=[redacted] dbname=x"),
        ("https://hooks.slack.com/services/T0/B0/xyz123abc", "https://hooks.slack.com/[redacted]"),
        ("-----BEGIN PRIVATE KEY-----\\nabc", "[redacted]"),
    ],
)
def test_only_the_secret_part_is_replaced(redactor: Redactor, text: str, shown: str) -> None:
    assert redactor.text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "sha256:" + hashlib.sha256(b"x").hexdigest(),
        hashlib.sha1(b"x").hexdigest(),
        str(uuid.UUID(int=2**100)),
        "/data/RandomForestClassifierV2/model_2024_best",
        "RandomForestClassifierWithCalibration2",
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB",
        "s3://bucket/AbC123dEf456GhI789jKl012/part-0001.parquet",
        "http://host:8080/a@b",
        "http://[::1]:80/x@y",
        "ssh://git@github.com/a/b",
        "risk-assessment-pipeline-2024",
        "session: training",
        "password: str",
        "password=None",
        "max_tokens=100 n_tokens: 5 token=5",
        "2024-01-01T00:00:00.000000Z",
        "bearer instruments pay whoever holds them",
        "RF_n100_d5_lr0_1_Adam_BatchNorm1",
        "token: invalid",
        "adam",
        "",
    ],
)
def test_what_is_no_secret_stays(redactor: Redactor, text: str) -> None:
    assert redactor.text(text) == text


PIECES = [
    "aB1", "a.b-", "-----BEGIN PRIVATE KEY", "://a:b", "://a", "password=", "password='", 'password="\\', "'", "eyJ",
    "x=", "--a ", "?a=b&", "AKIA", "bearer ", "sk-a", "a:", "=", "Authorization: ", "xoxb-", "token ",
]  # fmt: skip


@pytest.mark.timeout(60)  # where the time grew with the square of the length, it would take hours
@pytest.mark.parametrize("piece", PIECES)
def test_no_text_keeps_the_search_busy(redactor: Redactor, piece: str) -> None:
    assert redactor.text(piece * (300_000 // len(piece)))


def test_redacting_twice_changes_nothing_more(redactor: Redactor) -> None:
    once = redactor.text(f"postgres://u:pw123456@h/db password=x token={JWT}")

    assert redactor.text(once) == once


def test_a_tag_is_hidden_by_its_key_or_by_what_it_looks_like(redactor):
    found = redactor.tags({"api_key": "hunter2", "team": "blue", "word": None, "dsn": JWT, "note": f"see {JWT}"})
    assert found == {"api_key": REDACTED, "team": "blue", "word": None, "dsn": REDACTED, "note": f"see {REDACTED}"}
