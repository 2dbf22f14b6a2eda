"""What may be released: make release."""

import runpy
from pathlib import Path

import pytest

import localmodel

ROOT = Path(__file__).parents[3]
OBJECTIONS = runpy.run_path(str(ROOT / "hack/release.py"), run_name="release")["objections"]
CHANGELOG = (
    "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-11-29\n### Added\n- A thing.\n\n## [0.1.0]\n- Another.\n"
)


def test_a_clean_tree_with_a_section_for_its_version_is_released() -> None:
    assert OBJECTIONS("0.2.0", CHANGELOG, "") == []


@pytest.mark.parametrize(
    ("version", "changelog", "changes", "words"),
    [
        ("0.2.0", CHANGELOG, " M README.md\n", "not committed"),
        ("0.3.0", CHANGELOG, "", "no section [0.3.0]"),
        ("0.1.0", CHANGELOG, "", "section [0.1.0] has no date"),
        (
            "0.2.0",
            CHANGELOG.replace("[Unreleased]\n", "[Unreleased]\n### Fixed\n- A fault.\n"),
            "",
            "move them to [0.2.0]",
        ),
    ],
)
def test_a_release_is_refused_in_a_sentence(version: str, changelog: str, changes: str, words: str) -> None:
    (objection,) = OBJECTIONS(version, changelog, changes)
    assert words in objection


def test_the_changelog_has_a_section_for_the_version() -> None:
    assert f"\n## [{localmodel.__version__}] - " in (ROOT / "CHANGELOG.md").read_text()
