"""hack/test: every part runs, whatever becomes of the others, and the last lines tell all that failed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
IMPORTS = "import time\nfrom pathlib import Path\n\n"
PASSES = "def test_passes() -> None: pass\n"
FAILS = "def test_fails() -> None:\n    print('words of the failure')\n    raise AssertionError\n"
# Fails at its first run only.
LATE = """
from pathlib import Path

def test_late() -> None:
    seen = Path("seen")
    if not seen.exists():
        seen.touch()
        raise AssertionError("words of the first failure")
"""
LASTS = """
import time
from pathlib import Path

import pytest

@pytest.fixture
def server():
    yield
    Path("stopped").touch()

def test_lasts(server) -> None:
    Path("started").touch()
    time.sleep(120)
"""


class Tree:
    """A project with a test in each folder, and scripts that bring up nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("hack/test", "hack/run_tests.py", "tests/conftest.py"):
            # Without the workers, which take a second each to start.
            self.write(name, re.sub(r'"-n", "\d"', '"-n", "0"', (ROOT / name).read_text()))
        self.write(".venv/bin/python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        for name in ("lint", "engine-up", "kind-up", "kind-env", "flux-build", "metrics-server-build"):
            self.write(f"hack/{name}", "#!/bin/sh\n")
        for part in ("unit", "integration", "faults", "conformance", "docker", "e2e"):
            self.write(f"tests/{part}/test_{part}.py", PASSES)
        self.write("pytest.ini", "[pytest]\nmarkers = judges_the_run\n")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "LOCALMODEL_"))}
        return subprocess.Popen(
            [self.folder / "hack" / "test", *arguments],
            # Plugins that nothing here needs take a second of each run.
            env={**inherited, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "xdist.plugin", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        with self.start(*arguments, **environment) as process:
            out = process.communicate(timeout=120)[0]
        print(out)
        return process.returncode, out


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def rows(out: str) -> dict[str, list[str]]:
    """The table at the end, by part, without the times."""
    found = re.findall(r"^(\S+)((?: +\d+){4}) +\d+ s$", out, re.MULTILINE)
    return {part: numbers.split() for part, numbers in found}


def test_everything_runs_and_every_failure_is_told_at_the_end(tree: Tree) -> None:
    tree.write("hack/lint", "#!/bin/sh\necho words of lint; exit 1\n")
    tree.write("tests/unit/test_unit.py", FAILS)
    tree.write("tests/docker/test_docker.py", LATE)
    code, out = tree.run()
    assert code == 1
    assert rows(out) == {
        "lint": ["0", "1", "0", "0"],
        "unit": ["0", "1", "0", "0"],
        "integration": ["1", "0", "0", "0"],
        "faults": ["1", "0", "0", "0"],
        "conformance": ["1", "0", "0", "0"],
        "docker": ["0", "0", "1", "0"],
        "e2e": ["1", "0", "0", "0"],
    }
    assert out.splitlines()[-3:] == [
        "passed when run again, which is a defect to be mended: tests/docker/test_docker.py::test_late",
        "failed: hack/lint",
        "failed: tests/unit/test_unit.py::test_fails",
    ]
    for words in ("words of lint", "words of the failure", "words of the first failure"):
        assert words in out


def test_a_test_that_passes_when_run_again_leaves_the_run_green(tree: Tree) -> None:
    tree.write("tests/faults/test_faults.py", PASSES + LATE)
    code, out = tree.run("faults")
    assert code == 0
    assert rows(out) == {"faults": ["1", "0", "1", "0"]}


def test_a_unit_test_is_not_run_again_and_nothing_that_judges_the_whole_run(tree: Tree) -> None:
    tree.write("tests/unit/test_unit.py", LATE)
    tree.write("tests/e2e/test_e2e.py", f"import pytest\npytestmark = pytest.mark.judges_the_run\n{FAILS}")
    code, out = tree.run("unit", "e2e")
    assert code == 1
    assert "once more" not in out
    assert out.splitlines()[-2:] == [
        "failed: tests/unit/test_unit.py::test_late",
        "failed: tests/e2e/test_e2e.py::test_fails",
    ]


def test_what_cannot_run_is_left_out_unless_it_is_required(tree: Tree) -> None:
    tree.write("hack/kind-up", "#!/bin/sh\necho no cluster today; exit 1\n")
    code, out = tree.run("e2e")
    assert code == 0
    assert "e2e          left out: there is no kind cluster (see the lines above)" in out
    assert out.index("no cluster today") < out.index("left out")
    code, out = tree.run("e2e", LOCALMODEL_E2E="required")
    assert code == 1
    assert out.splitlines()[-1].startswith("failed: ")


def test_other_arguments_are_pytests_and_a_part_may_have_no_such_test(tree: Tree) -> None:
    tree.write("tests/unit/test_unit.py", PASSES + FAILS)
    code, out = tree.run("unit", "faults", "-k", "fails")
    assert code == 1
    assert rows(out) == {"unit": ["0", "1", "0", "0"], "faults": ["0", "0", "0", "0"]}
    code, out = tree.run("untis")
    assert code == 1
    assert out == (
        "hack/test: there is no part 'untis'; the parts are lint, unit, integration, faults, conformance, docker, e2e\n"
    )


def test_a_file_that_cannot_be_read_fails_its_part(tree: Tree) -> None:
    tree.write("tests/faults/test_faults.py", "import nothing_of_that_name\n")
    code, out = tree.run("faults")
    assert code == 1
    assert out.splitlines()[-1] == "failed: tests/faults/test_faults.py"


@pytest.mark.parametrize(
    ("number", "whom"),
    [(signal.SIGINT, "all"), (signal.SIGTERM, "all"), (signal.SIGTERM, "hack/test")],  # a terminal sends Ctrl-C to all
    ids=["ctrl-c", "all-terminated", "terminated"],
)
def test_when_it_is_ended_both_legs_end_and_stop_what_they_started(tree: Tree, number: int, whom: str) -> None:
    tree.write("tests/unit/test_unit.py", LASTS)
    tree.write("tests/docker/test_docker.py", LASTS.replace('"st', '"docker-st'))
    with tree.start() as process:
        names = ["started", "docker-started"]
        while not all((tree.folder / name).exists() for name in names):
            assert process.poll() is None
            time.sleep(0.02)
        (os.killpg if whom == "all" else os.kill)(process.pid, number)
        out = process.communicate(timeout=90)[0]
    print(out)
    assert process.returncode == 1
    assert (tree.folder / "stopped").exists() and (tree.folder / "docker-stopped").exists()
    assert (
        "failed: unit: interrupted" in out
        and "failed: docker: interrupted" in out
        and "failed: e2e: interrupted" in out
    )


def test_the_end_to_end_tests_begin_when_all_others_have_ended(tree: Tree) -> None:
    for part in ("faults", "docker"):
        late = f"    time.sleep(1)\n    Path('{part}-ended').touch()\n"
        tree.write(f"tests/{part}/test_{part}.py", f"{IMPORTS}def test_late() -> None:\n{late}")
    ended = "    assert Path('faults-ended').exists() and Path('docker-ended').exists()\n"
    tree.write("tests/e2e/test_e2e.py", f"{IMPORTS}def test_ended() -> None:\n{ended}")
    code, out = tree.run("faults", "docker", "e2e")
    assert code == 0
    assert rows(out)["e2e"] == ["1", "0", "0", "0"]


def test_help_runs_nothing() -> None:
    ended = subprocess.run([ROOT / "hack" / "test", "--help"], capture_output=True, text=True, timeout=30, check=True)
    assert "hack/test unit integration" in ended.stdout and "begins" not in ended.stdout
