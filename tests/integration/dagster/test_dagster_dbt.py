"""dagster-dbt itself, with a real project: models are assets, tests are checks, and a selection is a part."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from kit.clients import FOREIGN, ROOT, program_of

from plugin_core.model.components import Kind, Status
from plugin_core.tracking.run import Run

PROGRAMS = Path(__file__).parent / "programs"
pytestmark = pytest.mark.slow


@pytest.fixture
def shop(tmp_path) -> dict[str, str]:
    """The environment of a program that builds the project, which dbt has parsed."""
    python = program_of("dagster-dbt")
    project = shutil.copytree(PROGRAMS / "shop", tmp_path / "shop")
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)},
        "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SHOP": str(project),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_PROFILES_DIR": str(project),
    }
    finished([program_of("dagster-dbt", "dbt"), "parse"], {**environment, "SHOP_DB": ":memory:"}, project)
    return environment


def finished(command: list[str], environment: dict[str, str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def checks_of(run: Run) -> dict[str, str]:
    found = {name.removeprefix("check."): value for name, value in run.properties.items() if name.startswith("check.")}
    return {name: value for name, value in found.items() if "." not in name}


def test_models_are_assets_and_tests_are_checks_and_a_selection_is_a_part(shop, recorded, tmp_path):
    environment = {**shop, **recorded.record.environment, "SHOP_DB": str(tmp_path / "shop.duckdb")}
    finished([program_of("dagster-dbt"), str(PROGRAMS / "dbt_shop.py")], environment, tmp_path)

    assert recorded.states("everything") == {"shop": (Status.COMPLETED, None), "report": (Status.COMPLETED, None)}
    assert recorded.states("in_part") == {"shop": (Status.COMPLETED, None)}
    whole, part = recorded.steps("shop")
    assert whole.kind is Kind.ASSET
    assert checks_of(whole) == {
        "unique_orders_id": "passed",
        "accepted_values_orders_amount__False__10": "failed (warn)",
    }
    made = {name: entry.value for name, entry in whole.output_artifacts.items()}
    assert set(made) == {"asset orders", "asset totals"}
    orders = recorded.record.store.artifact(made["asset orders"])
    assert orders.properties["metadata.unique_id"] == "model.shop.orders"
    (edge,) = recorded.record.store.associations(type="DerivedFrom")
    assert (edge.source, edge.destination.key) == (orders.ref, made["asset totals"])
    assert recorded.artifacts_into(recorded.step("report")) == {made["asset totals"]}

    assert set(part.output_artifacts) == {"asset totals"}
    assert recorded.artifacts_into(part) == {orders.source_uri}
    assert part.metrics["totals.Execution Duration"].last > 0
