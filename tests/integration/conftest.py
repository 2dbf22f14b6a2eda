"""Fixtures for tests with real processes and files."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.lmd_command import Lmd


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with few tests come first: such tests are long, and no process must be left with them at the end."""
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (tests[item.path], item.path))


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where environments are kept, so that not every test installs its own."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture
def lmd(tmp_path: Path, environments: Path) -> Iterator[Lmd]:
    """The command lmd in a folder of its own; what it started is stopped afterwards."""
    command = Lmd(tmp_path)
    command.home.mkdir()
    (command.home / "environments").symlink_to(environments)
    yield command
    command.clean_up()
