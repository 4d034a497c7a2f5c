"""What all tests share: the record's fixture, and the rule that under CI=true nothing is skipped."""

import os

import pytest

pytest_plugins = ["plugin_core.testing.fixtures"]


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
