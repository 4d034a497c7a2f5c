"""Keeps secrets out of the record: by the name they stand under, by type, and by what they look like.

Nothing secret is written anywhere. What was met as a secret is remembered in this process's memory alone,
to scrub it from later texts (an exception that quotes it). It refuses to guess from short words: a secret of
fewer than six characters is hidden where it stands, but cannot be scrubbed from elsewhere.
"""

from __future__ import annotations

import fnmatch
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeAlias, cast
from urllib.parse import quote, unquote

REDACTED: Final = "[redacted]"

_Json: TypeAlias = "bool | int | float | str | list[_Json] | dict[str, _Json] | None"

# --- Names ---------------------------------------------------------------------------------------------------


def _word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NO, _MILD, _STRONG = 0, 1, 2  # mild: strings under the name are secret, numbers and flags are not

_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]+")
_STRONG_WORDS: Final = _word_set(
    "passwords passphrases passcode pwd secrets credential credentials creds cred dsn jwt connstr"
)
_STRONG_ENDINGS: Final = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "apikey",
    "privatekey",
    "secretkey",
    "accesskey",
    "credential",
    "credentials",
)
_MILD_WORDS: Final = _word_set("token tokens auth oauth authorization cookie cookies session sessionid bearer otp pass")
_KEY_KINDS: Final = _word_set(
    "api private access secret encryption encrypt decryption signing sign ssh gpg pgp rsa hmac aes fernet master "
    "account service role auth license subscription shared webhook deploy app admin openai anthropic azure aws gcp "
    "google stripe sendgrid twilio wandb hf huggingface databricks datadog snowflake"
)
_PAIRS: Final = frozenset({("connection", "string"), ("conn", "string"), ("conn", "str"), ("api", "keys")})
_MEASURES: Final = _word_set(
    "max min n num nb number total count counts avg mean sum length len size limit budget rate price cost ttl timeout "
    "expiry expires seconds minutes hours duration age window dim dims per index idx version retries"
)
_KINDS: Final = _word_set(
    "type kind method mode scheme policy enabled required name col column pad eos bos unk mask cls sep special stop "
    "vocab prompt completion input output low high band first second single multi word sub"
)
_BENIGN: Final = _MEASURES | _KINDS
_PLACES: Final = _word_set("path file filename dir directory folder")
# Every secret name has one of these in it: most names are answered without taking them apart.
_STEMS: Final = (
    "pass",
    "pwd",
    "secret",
    "cred",
    "dsn",
    "jwt",
    "conn",
    "token",
    "auth",
    "cookie",
    "session",
    "bearer",
    "otp",
    "key",
)
_CACHED_NAMES: Final = 8_192
_NUMBERS: Final = frozenset(map(id, (int, float, complex)))  # by id: a metaclass's own hash is never called
_CACHED_NAME_LENGTH: Final = 256


def _rank(name: str) -> int:
    if not _has_stem(name):
        return _NO
    parts = [_words(part) for part in name[:512].split(".")]
    everything = [word for part in parts for word in part]
    if not everything or everything[-1] in _PLACES:
        return _NO
    return max([_pairs_rank(everything), *map(_words_rank, parts)])


def _has_stem(names: str) -> bool:
    lower = names.lower()
    return any(stem in lower for stem in _STEMS)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _words_rank(words: list[str]) -> int:
    if any(_is_strong(word) for word in words):
        return _STRONG
    mild = any(word in _MILD_WORDS or word.endswith("token") for word in words)
    return _MILD if mild and _BENIGN.isdisjoint(words) else _NO


def _is_strong(word: str) -> bool:
    return word in _STRONG_WORDS or word.endswith(_STRONG_ENDINGS) or "password" in word


def _pairs_rank(words: list[str]) -> int:
    for first, second in pairwise(words):
        if (first, second) in _PAIRS or (second in {"key", "keys"} and first in _KEY_KINDS):
            return _STRONG
    return _NO


# --- Types ---------------------------------------------------------------------------------------------------

_mro_of = type.__dict__["__mro__"].__get__
_module_of = type.__dict__["__module__"].__get__
_name_of = type.__dict__["__qualname__"].__get__

# Package of the class (or of one it derives from) -> its names; None: every class of the package.
_SECRET_TYPES: Final[tuple[tuple[str, frozenset[str] | None], ...]] = (
    ("pydantic", frozenset({"SecretStr", "SecretBytes", "Secret", "_SecretBase", "_SecretField", "SecretField"})),
    ("prefect.blocks.system", frozenset({"Secret"})),
    ("prefect.types", frozenset({"SecretDict"})),
    ("dagster", frozenset({"EnvVar", "IntEnvVar", "ConfigurableResource", "ConfigurableResourceFactory"})),
    ("dagster", frozenset({"ResourceDefinition"})),
    ("botocore.credentials", None),
    ("google.auth.credentials", None),
    ("google.oauth2", None),
    ("azure.core.credentials", None),
    ("azure.identity", None),
    ("starlette.datastructures", frozenset({"Secret"})),
    ("requests.auth", None),
    ("httpx._auth", None),
    ("paramiko.pkey", None),
    ("cryptography.hazmat.primitives.asymmetric", None),
    ("cryptography.fernet", None),
)
_CACHED_TYPES: Final = 4_096
_type_answers: dict[int, tuple[type, bool]] = {}  # by id, holding the class: its own __hash__ is never called


def is_secret_type(value: object) -> bool:
    """Whether a value's type says that it is secret (SecretStr, a Secret block, EnvVar); nothing is imported."""
    cls = type(value)
    known = _type_answers.get(id(cls))
    if known is not None:
        return known[1]
    answer = any(_is_secret_class(base) for base in _mro_of(cls))
    if len(_type_answers) >= _CACHED_TYPES:
        _type_answers.clear()
    _type_answers[id(cls)] = (cls, answer)
    return answer


def _is_secret_class(cls: type) -> bool:
    module = _module_of(cls)
    if type(module) is not str or module == "builtins":
        return False
    name = _name_of(cls).partition("[")[0]
    return any(
        (module == package or module.startswith(package + ".")) and (names is None or name in names)
        for package, names in _SECRET_TYPES
    )


# --- Memory --------------------------------------------------------------------------------------------------

_MIN_REMEMBERED: Final = 6
_MIN_ONE_CLASS: Final = 8  # shorter ones of letters alone are words
MAX_REMEMBERED: Final = 4_096
_COMMON: Final = _word_set(
    "password passwords username postgres postgresql administrator changeme localhost undefined disabled anonymous "
    "training validation production development staging default"
)


class SecretMemory:
    """Secrets met so far, newest 1,000, in memory only; safe to share between threads and over forks (no lock)."""

    def __init__(self, capacity: int = 1_000) -> None:
        self._capacity = capacity
        self._secrets: dict[str, None] = {}

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def __repr__(self) -> str:
        return f"<SecretMemory of {len(self._secrets)}>"

    def add(self, secret: str) -> None:
        """Remember a secret and how it looks in JSON, in ``repr`` and in a URL."""
        secret = secret.strip()[:MAX_REMEMBERED]
        if secret in self._secrets or not _is_distinct(secret):
            return
        plain = secret.encode("utf-8", "replace").decode()
        for form in (secret, json.dumps(plain)[1:-1], repr(secret)[1:-1], quote(plain), quote(plain, safe="")):
            if form not in self._secrets:
                self._secrets[form] = None
        while len(self._secrets) > self._capacity:
            self._secrets.pop(next(iter(self._secrets), ""), None)

    def scrub(self, text: str) -> str:
        """The text without any remembered secret."""
        for secret in list(self._secrets):
            if secret in text:
                text = text.replace(secret, REDACTED)
        return text

    def is_in(self, data: bytes) -> bool:
        """Whether serialised data holds a remembered secret."""
        return any(secret.encode("utf-8", "surrogatepass") in data for secret in list(self._secrets))


def _is_distinct(secret: str) -> bool:
    """Whether scrubbing it from texts would hit the secret and not plain language."""
    if len(secret) < _MIN_REMEMBERED or secret.lower() in _COMMON or secret == REDACTED:
        return False
    return len(secret) >= _MIN_ONE_CLASS or not secret.isalpha()


PROCESS_MEMORY: Final = SecretMemory()

# --- What secrets look like ----------------------------------------------------------------------------------

_PEM: Final = re.compile(
    r"-----BEGIN[ A-Z0-9]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END[ A-Z0-9-]*-----|\Z)", re.DOTALL
)
_USERINFO: Final = re.compile(r"(?<=://)([^\s/:@?#\[\"<>]{0,256}):(?!\d{1,5}(?:[/?#]|$))([^\s\"<>]{1,512})@")
_TOKEN_USER: Final = re.compile(r"(?<=://)[\w.~%-]{16,}(?=@)")
_QUERY: Final = re.compile(r"(?<=[?&;])([\w.%~-]{1,64})=([^\s&#\"'<>]+)")
_QUERY_NAMES: Final = _word_set(
    "sig signature key code sv se skoid x-amz-signature x-amz-credential x-amz-security-token x-goog-signature "
    "x-goog-credential awsaccesskeyid googleaccessid policy hmac"
)
_SHAPES: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"  # JWT
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}"
    r"|gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas)-[\w-]{16,}"
    r"|xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{10,}"
    r"|sk-(?:proj|ant|svcacct|admin|or)-[\w-]{16,}|sk-[A-Za-z0-9]{20,}"
    r"|AIza[\w-]{30,}|ya29\.[\w-]{16,}|GOCSPX-[\w-]{16,}"
    r"|[sr]k_(?:live|test)_\w{10,}|whsec_\w{16,}"
    r"|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{16,}|dapi[a-f0-9]{32}|dop_v1_[a-f0-9]{32,}"
    r"|pnu_[A-Za-z0-9]{20,}|pnb_[A-Za-z0-9]{20,}"  # Prefect Cloud
    r"|SG\.[\w-]{16,}\.[\w-]{16,}"
    r")"
)
_SLACK_HOOK: Final = re.compile(r"(?<=hooks\.slack\.com/)[\w/-]{10,}")
_AWS_ID: Final = re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{16}(?![A-Za-z0-9])")
_AWS_SECRET: Final = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_BEARER: Final = re.compile(r"(?i:\b(bearer|authorization[\"']?\s*[:=]\s*[\"']?\w+)\s+)([\w.~+/=-]{8,})")
_ASSIGNED: Final = re.compile(r"(?<![\w.-])([A-Za-z_][\w.-]{0,127})([\"']?[ \t]{0,3}(?:=>|==|=|:)[ \t]{0,3})(?=\S)")
_FLAG: Final = re.compile(r"(?<![\w-])--?([A-Za-z][\w-]{1,64})[ \t]+(?=[^\s-])")
_VALUE: Final = re.compile(r"b?\"(?:[^\"\\]|\\.){0,4096}\"|b?'(?:[^'\\]|\\.){0,4096}'|\S+", re.DOTALL)
_NUMBER: Final = re.compile(r"[-+]?[\d._]+(?:e[-+]?\d+)?[,;)\]}]*", re.IGNORECASE)
_LITERALS: Final = _word_set("none null true false str int bytes bool float any optional string secretstr nan")
_RUN: Final = re.compile(r"(?<![\w+/=.-])[A-Za-z0-9+_=-][A-Za-z0-9+/_=-]{19,127}(?![\w+/=-])")
_DATA_PREFIXES: Final = ("iVBOR", "/9j/", "R0lGOD", "UEsDB", "JVBERi", "H4sI", "UklGR", "gASV", "sha", "md5")
_HINT: Final = re.compile(
    r"[=:]|AKIA|ASIA|AGPA|AIDA|AROA|ANPA|eyJ|-----BEGIN|[Bb]earer|BEARER|gh[pousr]_|github_pat_|gl\w{2,5}-|xox|xapp-"
    r"|sk-|AIza|ya29|GOCSPX|[sr]k_|whsec_|hf_|npm_|pypi-|dapi|dop_v1_|pn[ub]_|SG\.|--[A-Za-z]"
)
_AWS_STARTS: Final = ("AKIA", "ASIA", "AGPA", "AIDA", "AROA", "ANPA")
_BEARER_WORDS: Final = ("earer", "EARER", "uthorization", "UTHORIZATION")
_LONG: Final = 1_024  # characters; a longer text is searched without asking first
_MIN_DETECTABLE: Final = 8
_MIN_RUN: Final = 20
_BASE64_LENGTHS: Final = frozenset({40, 43, 44, 64, 86, 88})  # of keys of 30, 32, 48 and 64 bytes
_MIN_BITS: Final = 3.5  # Shannon entropy of a character; random base64 of 20 characters has about 4.1
_MIN_CHANGES: Final = 0.36  # how often the class of character changes: random base62 0.62, CamelCase about 0.3
_MIN_CHANGES_AWS: Final = 0.25  # 40 characters of base64 are an AWS secret access key
_AWS_LENGTH: Final = 40


def _is_key(run: str) -> bool:
    """Whether a run of characters is plainly a random key: no hash, no path, no words, no data."""
    core = run.strip("=")
    if core.startswith(_DATA_PREFIXES) or ("/" in core and len(core) not in _BASE64_LENGTHS):
        return False
    kinds = [_class_of(c) for c in core]
    if not {"a", "A", "0"} <= set(kinds):
        return False
    changes = sum(a != b for a, b in pairwise(kinds) if "-" not in (a, b))
    least = _MIN_CHANGES_AWS if len(core) == _AWS_LENGTH and "-" not in core and "_" not in core else _MIN_CHANGES
    return changes / len(kinds) >= least and _bits(core) >= _MIN_BITS


def _class_of(character: str) -> str:
    if character.isdigit():
        return "0"
    if character.isalpha():
        return "a" if character.islower() else "A"
    return "-"


def _bits(text: str) -> float:
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values())


# --- The redactor --------------------------------------------------------------------------------------------


class Redactor:
    """Hides secrets. ``extra_patterns`` are names, as globs without regard to case: ``*_pin``, ``ssn``.

    Safe to share between threads. ``memory`` is the process's own unless a test brings one.
    """

    def __init__(self, extra_patterns: Sequence[str] = (), *, memory: SecretMemory = PROCESS_MEMORY) -> None:
        self._patterns = tuple(pattern.lower() for pattern in extra_patterns)
        self._memory = memory
        self._ranks: dict[str, int] = {}

    # Names

    def is_secret_name(self, name: str) -> bool:
        """Whether text under this (dotted) name is secret; ``max_tokens`` and ``sort_key`` are not such names."""
        rank = self._ranks.get(name)  # asked for each argument: most are known, and a call is half of what it takes
        return (self._rank(name) if rank is None else rank) > _NO

    def may_name_secret(self, names: str) -> bool:
        """Whether one of many names, joined by line ends, may be secret: a quick no, or a reason to ask for each."""
        return bool(self._patterns) or _has_stem(names)

    def hides(self, name: str, value: object) -> bool:
        """Whether this value is secret under this name. None and flags never are; numbers under ``token`` are not."""
        if value is None or value is True or value is False:
            return False
        rank = self._rank(name)
        if rank == _NO or id(type(value)) not in _NUMBERS:
            return rank > _NO
        return rank == _STRONG and _MEASURES.isdisjoint(_words(name))

    def _rank(self, name: str) -> int:
        rank = self._ranks.get(name)
        if rank is None:
            rank = _STRONG if self._matches(name) else _rank(name)
            if len(self._ranks) >= _CACHED_NAMES:
                self._ranks.clear()
            if len(name) <= _CACHED_NAME_LENGTH:
                self._ranks[name] = rank
        return rank

    def _matches(self, name: str) -> bool:
        candidates = (name.lower(), *name.lower().split("."), *_words(name))
        return any(fnmatch.fnmatchcase(text, pattern) for pattern in self._patterns for text in candidates)

    # Values

    def parameter(self, name: str, value: _Json) -> _Json:
        """A parameter's value as it may be recorded; secrets in it are replaced, and remembered."""
        if type(value) is str:
            if self._rank(name) > _NO:
                self.remember(value)
                return REDACTED
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(k): self.parameter(f"{name}.{k}", v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.parameter(name, item) for item in value]
        return REDACTED if self.hides(name, value) else value

    def tags(self, tags: Mapping[str, str | None]) -> dict[str, str | None]:
        """Tags as they may be recorded; a tag may have no value."""
        return {
            self.text(key): None if value is None else str(self.parameter(key, value)) for key, value in tags.items()
        }

    def properties(self, properties: Mapping[str, str]) -> dict[str, str]:
        """Properties as they may be recorded."""
        return {key: REDACTED if self.is_secret_name(key) else self.text(value) for key, value in properties.items()}

    def remember(self, secret: str) -> None:
        """Scrub this secret from every later text of this process; nothing stores it."""
        self._memory.add(secret)

    def remember_all(self, secrets: Iterable[str]) -> None:
        """Remember several secrets."""
        for secret in secrets:
            self._memory.add(secret)

    # Text

    def text(self, text: str) -> str:
        """The text with every secret in it replaced by ``[redacted]``."""
        if self._memory:
            text = self._memory.scrub(text)
        if len(text) < _MIN_DETECTABLE:
            return text
        if len(text) > _LONG or _HINT.search(text) is not None:
            text = self._detected(text)
        if len(text) >= _MIN_RUN:
            text = _RUN.sub(_hide_key, text)
        return text

    def is_clean(self, data: bytes) -> bool:
        """Whether serialised data holds none of the remembered secrets, as plain text."""
        return not self._memory.is_in(data)

    def _detected(self, text: str) -> str:
        # Looking for a part of each costs a tenth of matching the whole.
        if "-----BEGIN" in text:
            text = _PEM.sub(REDACTED, text)
        if "://" in text:
            text = self._url(text)
        text = _SHAPES.sub(REDACTED, text)
        if any(start in text for start in _AWS_STARTS) and _AWS_ID.search(text):
            text = _AWS_SECRET.sub(REDACTED, _AWS_ID.sub(REDACTED, text))
        if any(word in text for word in _BEARER_WORDS):
            text = _BEARER.sub(_hide_bearer, text)
        if "=" in text or ":" in text:
            text = self._assigned(text, _ASSIGNED)
        return self._assigned(text, _FLAG) if text.startswith("-") or " -" in text else text

    def _url(self, text: str) -> str:
        text = _USERINFO.sub(self._hide_userinfo, text)
        text = _TOKEN_USER.sub(REDACTED, text)
        text = _SLACK_HOOK.sub(REDACTED, text)
        return _QUERY.sub(self._hide_query, text)

    def _hide_userinfo(self, match: re.Match[str]) -> str:
        user, password = match.groups()
        if password != REDACTED:
            self.remember_all({password, unquote(password)})
        return f"{user}:{REDACTED}@"

    def _hide_query(self, match: re.Match[str]) -> str:
        name = match[1]
        if name.lower() in _QUERY_NAMES or self.is_secret_name(name):
            return f"{name}={REDACTED}"
        return match[0]

    def _assigned(self, text: str, pattern: re.Pattern[str]) -> str:
        """Replace the values of ``password=...``, ``"token": "..."`` and ``--api-key ...`` within a text."""
        kept: list[str] = []
        done = 0
        for match in pattern.finditer(text):
            if match.start() < done or self._rank(match[1]) == _NO:
                continue
            value = _VALUE.match(text, match.end())
            if value is None or not self._is_secret_value(match, value[0]):
                continue
            kept += (text[done : match.end()], _masked(value[0]))
            done = value.end()
        return "".join((*kept, text[done:])) if kept else text

    def _is_secret_value(self, match: re.Match[str], value: str) -> bool:
        bare = value.strip("\"',;)]}").lower()
        if not bare or bare in _LITERALS or bare.startswith(REDACTED[:-1]):
            return False
        if _NUMBER.fullmatch(bare):
            return self.hides(match[1], 0)
        if self._rank(match[1]) == _STRONG or value[:1] in "\"'":
            return True
        # Prose: "token: invalid" keeps its word, "token=..." and "token: x7..." do not.
        return "=" in match[0] or match[0].startswith("-") or not bare.isalpha()


def _masked(value: str) -> str:
    """Replaces a value, keeping the punctuation that closes what stands around it."""
    if value[:1] in "\"'" and value[-1:] == value[:1] and len(value) > 1:
        return f"{value[0]}{REDACTED}{value[0]}"
    return REDACTED + value[len(value.rstrip("\"',;)]}")) :]


def _hide_bearer(match: re.Match[str]) -> str:
    token = match[2]
    if match[1].lower() == "bearer" and token.isalpha() and token.islower() and len(token) < _MIN_RUN:
        return match[0]  # "bearer instruments": prose
    return match[0][: match.start(2) - match.start()] + REDACTED


def _hide_key(match: re.Match[str]) -> str:
    return REDACTED if _is_key(match[0]) else match[0]


def secret_strings(value: object, *, limit: int = 50) -> list[str]:
    """The strings that a value under a secret name, or of a secret type, holds: to be remembered, never kept.

    Reads plain containers and the instance's own ``__dict__``; runs no code of the value.
    """
    found: list[str] = []
    pending = [value]
    for _ in range(limit * 4):
        if not pending or len(found) >= limit:
            break
        item = pending.pop()
        if type(item) is str:
            found.append(item)
        elif type(item) is bytes:
            found.append(item.decode("utf-8", "replace"))
        elif type(item) is list or type(item) is tuple:
            pending += cast("list[object]", item)[:limit]
        else:
            pending += _inner(item, limit)
    return found


def _inner(item: object, limit: int) -> list[object]:
    if type(item) is dict:
        return list(item.values())[:limit]
    if not is_secret_type(item):
        return []
    try:
        inner = object.__getattribute__(item, "__dict__")
    except AttributeError:
        return []
    return list(cast("dict[str, object]", inner).values())[:limit] if type(inner) is dict else []
