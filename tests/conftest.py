"""What hack/test wants of every part: what became of each test, and an orderly end."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is slow to make and to run examples, which is no fault of theirs.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--outcome", type=Path, metavar="FILE", help="write there what became of the tests, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    signal.signal(signal.SIGTERM, _end)
    if (file := config.getoption("--outcome")) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcome(file))


def _end(*_: object) -> None:
    """End as after Ctrl-C: fixtures stop what they have started. Another signal must not break that off."""
    signal.signal(signal.SIGTERM, lambda *_: None)
    raise KeyboardInterrupt


class Outcome:
    """Ids of the tests that passed and failed; `repeatable` are the failed ones that tell something when run alone."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._passed: dict[str, None] = {}
        self._failed: dict[str, None] = {}
        self._repeatable: dict[str, None] = {}
        self._skipped = 0

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._failed[report.nodeid] = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed[report.nodeid] = None
            if "judges_the_run" not in report.keywords:
                self._repeatable[report.nodeid] = None
        elif report.when == "call" and report.passed:
            self._passed[report.nodeid] = None
        self._skipped += report.skipped

    def pytest_sessionfinish(self) -> None:
        passed = [test for test in self._passed if test not in self._failed]
        content = {"passed": passed, "failed": [*self._failed], "repeatable": [*self._repeatable]}
        self._file.write_text(json.dumps({**content, "skipped": self._skipped}))
