"""What all tests share: the record's fixture, the rule that under CI=true nothing is skipped, the ``since`` mark."""

import os
import signal
from importlib.metadata import version

import pytest
from packaging.version import Version

# Of the orchestrators, in every process that a test starts.
NO_TELEMETRY = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}

pytest_plugins = ["plugin_core.testing.fixtures"]
pytest.register_assert_rewrite("kit")


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server that is running, for all tests; the databases in it are each test's own."""
    from kit.postgres import Postgres

    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def pytest_configure():
    """A shell that starts this in the background has SIGINT ignored, by all that is started here too.

    Dagster's programs then ignore SIGTERM as well, and would never end.
    """
    os.environ.update(NO_TELEMETRY)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _refuse_skip(report):
    """A check that did not run is no check: under CI=true a skip is a failure, with the reason it gave."""
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped under CI=true: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    report = yield
    _refuse_skip(report)
    return report


def pytest_collection_modifyitems(config, items):
    """Leave out what the installed version of an orchestrator cannot do yet: ``since("prefect", "3.8")``."""
    possible = [item for item in items if all(_is_reached(*mark.args) for mark in item.iter_markers("since"))]
    config.hook.pytest_deselected(items=[item for item in items if item not in possible])
    items[:] = possible


def _is_reached(package, first):
    return Version(version(package)) >= Version(first)
