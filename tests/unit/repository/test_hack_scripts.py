"""Habits of the scripts in hack/ that work by luck: on one day's content, with one reader's speed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPTS = sorted(
    path
    for path in [*(ROOT / "hack").iterdir(), *(ROOT / "hack/airgap").iterdir(), ROOT / ".ci/run"]
    if path.is_file() and re.match(r"#!.*bash|# shellcheck shell=bash", path.read_text())
)
# GNU tar corrupts some archives that it edits; under pipefail a writer that is still writing fails; install_from_debian
# asks what there is today, and waits for whoever installs already.
HABITS = {
    "edits an archive in place": r"\btar\b.*\s(--delete|--append|--update|-[a-z]*[ru][a-z]*f)\b",
    "ends a pipe before its writer": r"\|\s*(grep\s+(-\w*q|--quiet)|head\b)(?!.*<<<)",
    "installs by itself": r"apt-get (-\S+ )*install",
}


@pytest.mark.parametrize("habit", HABITS)
def test_no_script_has_the_habit(habit: str) -> None:
    assert len(SCRIPTS) > 15
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in SCRIPTS
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if re.search(HABITS[habit], line) and not line.lstrip().startswith("#")
    ]
    assert found == [], f"{habit}: {found}"
