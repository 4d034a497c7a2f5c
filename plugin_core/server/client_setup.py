"""What a SageMaker client needs to talk to this server instead of AWS: variables, and a configuration file.

The file keeps SDK v2 and v3 from calling STS for a bucket's name, and from sending telemetry.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from plugin_core.stores.addresses import REMOTE_BUCKET

BUCKET: Final = REMOTE_BUCKET
CONFIG_VARIABLE: Final = "SAGEMAKER_USER_CONFIG_OVERRIDE"
_JOBS_VARIABLE: Final = "FLOWTRAIL_SAGEMAKER_JOBS"
_ENDPOINTS: Final = (
    "AWS_ENDPOINT_URL_SAGEMAKER",
    "AWS_ENDPOINT_URL_SAGEMAKER_METRICS",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_S3",
    "SAGEMAKER_ENDPOINT",
)
# A client signs with something, and some tables of the SDK know real regions only.
_DEFAULTS: Final = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "flowtrail",
    "AWS_SECRET_ACCESS_KEY": "flowtrail",
}
_CONFIG: Final = f"""\
SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
      Session:
        DefaultS3Bucket: {BUCKET}
"""


def write_config(folder: Path) -> Path:
    """Write the SDK's configuration file into a folder, whole at any moment, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sagemaker.yaml"
    begun = path.with_name(f"{path.name}.{os.getpid()}")
    begun.write_text(_CONFIG, encoding="utf-8")
    begun.replace(path)
    return path


def client_environment(url: str, config: Path) -> dict[str, str]:
    """The variables that lead clients to a server."""
    return {**dict.fromkeys(_ENDPOINTS, url), CONFIG_VARIABLE: str(config), _JOBS_VARIABLE: "1"}


def shell_lines(environment: Mapping[str, str]) -> list[str]:
    """The variables as a shell takes them; region and keys only where the shell has none yet."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    return lines + [f'export {name}="${{{name}:-{value}}}"' for name, value in _DEFAULTS.items()]
