"""What all tests share: the record's fixture, and the rule that under CI=true nothing is skipped."""

import importlib.util
import os

import pytest

pytest_plugins = ["plugin_core.testing.fixtures"]

# PyTorch is gigabytes where its CPU build is not at hand; its handler is tested where it is installed.
LEFT_OUT = {"torch": "unit/values/test_torch_described.py"}
collect_ignore = [path for library, path in LEFT_OUT.items() if importlib.util.find_spec(library) is None]


def pytest_report_header():
    return [f"left out, since {lib} is not installed: {p}" for lib, p in LEFT_OUT.items() if p in collect_ignore]


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
