"""Names: patterns, limits, slugs and ARNs.

The limits are SageMaker's (ExperimentEntityName: 1 to 120 characters of letters, digits and inner
hyphens); names are unique without regard to case. Whatever a user calls a thing is kept as its
display name; the functions here derive the name that identifies it.
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from typing import Final

from plugin_core.errors import InvalidValueError

ENTITY_NAME_MAX: Final = 120
RUN_NAME_MAX: Final = 59  # experiment and run name each, so that `<experiment>-<run>` fits ENTITY_NAME_MAX
PARAMETER_NAME_MAX: Final = 320
METRIC_NAME_MAX: Final = 255
ARTIFACT_NAME_MAX: Final = 128
TAG_KEY_MAX: Final = 128

JOB_NAME_MAX: Final = 63

RUN_GROUP_TEMPLATE: Final = "Default-Run-Group-{}"
RUN_SOURCE_TAG: Final = ("sagemaker:trial-component-source", "run")

ARN_PARTITION: Final = "aws"
DEFAULT_REGION: Final = "local"
DEFAULT_ACCOUNT: Final = "000000000000"

_ENTITY_NAME: Final = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_NOT_ALNUM: Final = re.compile(r"[^a-zA-Z0-9]+")
_SEPARATORS: Final = frozenset(" _-./:\t\n")
_DIGEST_CHARS: Final = 10


@functools.lru_cache(maxsize=1_024)
def slug(text: str, *, max_length: int = RUN_NAME_MAX) -> str:
    """Derive a lower-case entity name from any text; equal texts give equal slugs.

    Case and separators are folded silently. Where more than that is lost (other characters, or
    length), ten hex digits of the text's sha256 are appended, so that different texts stay apart.
    """
    plain = unicodedata.normalize("NFKD", text)
    ascii_only = "".join(c for c in plain if not unicodedata.combining(c))
    body = _NOT_ALNUM.sub("-", ascii_only).strip("-").lower()
    lossy = any(not (c.isascii() and c.isalnum()) and c not in _SEPARATORS for c in text)
    if body and not lossy and len(body) <= max_length:
        return body
    digest = short_digest(text)
    head = body[: max_length - len(digest) - 1].strip("-")
    return f"{head}-{digest}" if head else digest


def short_digest(text: str) -> str:
    """Ten hex digits that stand for ``text``; lone surrogates are escaped, never refused."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:_DIGEST_CHARS]


def check_entity_name(kind: str, name: object, *, max_length: int = ENTITY_NAME_MAX) -> str:
    """Return ``name`` if it is a valid entity name, else raise InvalidValueError that names limit and value."""
    if not isinstance(name, str):
        raise InvalidValueError(f"The {kind} must be a str, not {type(name).__name__}.")
    if len(name) > max_length:
        raise InvalidValueError(
            f"The {kind} (length: {len(name)}) must have length less than or equal to {max_length}: {_shown(name)}."
        )
    if not _ENTITY_NAME.fullmatch(name):
        raise InvalidValueError(
            f"The {kind} {_shown(name)} must match [a-zA-Z0-9](-*[a-zA-Z0-9])*: "
            "letters, digits and inner hyphens, at least one character.",
            hint=f"For example: {slug(name, max_length=max_length)!r}.",
        )
    return name


def check_key(kind: str, key: object, max_length: int) -> str:
    """Return ``key`` (of a parameter, metric, artifact or tag) if it is usable, else raise InvalidValueError."""
    if not isinstance(key, str):
        raise InvalidValueError(f"The {kind} must be a str, not {type(key).__name__}.")
    if not 1 <= len(key) <= max_length:
        raise InvalidValueError(f"The {kind} must have 1 to {max_length} characters, not {len(key)}: {_shown(key)}.")
    if "\0" in key:
        raise InvalidValueError(f"The {kind} {_shown(key)} must not contain NUL.")
    return key


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 80 else text[:77] + "...")  # noqa: PLR2004 - a message, not a rule


def component_name(experiment: str, run: str) -> str:
    """The trial component's name of a run: ``<experiment>-<run>``."""
    return f"{experiment}-{run}"


def run_group_name(experiment: str) -> str:
    """The trial that holds an experiment's directly logged runs, as SageMaker's SDK names it."""
    return RUN_GROUP_TEMPLATE.format(experiment[: ENTITY_NAME_MAX - len(RUN_GROUP_TEMPLATE.format(""))])


def execution_trial_name(experiment: str, execution_id: str) -> str:
    """The trial of one execution: the experiment's slug and the start of the orchestrator's id."""
    suffix = id_suffix(execution_id)
    return f"{experiment[: ENTITY_NAME_MAX - len(suffix) - 1].rstrip('-')}-{suffix}"


def step_run_name(step: str, step_id: str, *, attempt: int = 1) -> str:
    """The run name of a step's attempt: slug, the start of the orchestrator's id, and the attempt past the first."""
    suffix = id_suffix(step_id) + (f"-a{attempt}" if attempt > 1 else "")
    head = slug(step, max_length=RUN_NAME_MAX - len(suffix) - 1)
    return f"{head}-{suffix}"


def id_suffix(orchestrator_id: str) -> str:
    """Twelve characters that stand for an orchestrator's id in a name.

    Of a UUID the last twelve hex digits, which can be recognised in the orchestrator's pages; not the
    first, which time-ordered UUIDs (version 7) share among runs of one moment. Else a digest.
    """
    if _UUID.fullmatch(orchestrator_id):
        return orchestrator_id[-12:].lower()
    return hashlib.sha256(orchestrator_id.encode("utf-8", "backslashreplace")).hexdigest()[:12]


def job_slug(component: str) -> str:
    """What a component is called where SageMaker has the name of a job: at most 63 letters, digits, inner hyphens.

    It is the name without case where that fits; else its beginning and a digest, so that others stay apart.
    """
    name = component.casefold()
    if len(name) <= JOB_NAME_MAX and _ENTITY_NAME.fullmatch(name):
        return name
    digest = short_digest(name)
    head = _NOT_ALNUM.sub("-", name).strip("-")[: JOB_NAME_MAX - len(digest) - 1].rstrip("-")
    return f"{head}-{digest}" if head else digest


def arn(kind: str, name: str, *, region: str = DEFAULT_REGION, account: str = DEFAULT_ACCOUNT) -> str:
    """An ARN in SageMaker's form, e.g. ``arn:aws:sagemaker:local:000000000000:experiment/name``."""
    return f"arn:{ARN_PARTITION}:sagemaker:{region}:{account}:{kind}/{name.lower()}"
