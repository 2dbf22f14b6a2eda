"""The tutorial, run as it stands; and the notebook made from it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from support import tutorial_page
from support.lmd_command import free_port

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "tutorials" / "azure-ml-local.md"
NOTEBOOK = PAGE.with_suffix(".ipynb")


@pytest.fixture
def home(tmp_path: Path, environments: Path) -> Iterator[Path]:
    """A home with nothing in it but the environments of other tests, and afterwards with nothing that runs."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "environments").symlink_to(environments)
    yield folder
    given = tutorial_page.variables(folder, "process")
    for deployment in (folder / "deployments").glob("*/revision.json"):
        subprocess.run(["lmd", "delete", deployment.parent.name], env=given, check=True)


@pytest.fixture
def port() -> int:
    """In place of the page's own port, which tests that run at the same time may be given."""
    return free_port()


def test_the_page_works_as_it_stands(tmp_path: Path, home: Path, port: int) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    tutorial_page.run(PAGE, folder, tutorial_page.variables(home, "process"), port)


def test_the_digit_is_that_of_the_original_page() -> None:
    (drawn,) = [block.code for block in tutorial_page.blocks(PAGE.read_text()) if block.value == "digit.txt"]
    values = [".123456789#".index(point) / 10 for point in drawn.replace("\n", "")]
    assert values == json.loads((ROOT / "tests" / "data" / "page-digit.json").read_text())["data"][0]


def test_the_notebook_runs(tmp_path: Path, home: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in tutorial_page.variables(home, "process").items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "reader"
    folder.mkdir()
    # As the README has it: a model of this name, without tags.
    (folder / "sample.pkl").write_bytes(b"\x80\x04N.")
    subprocess.run(["lmd", "model", "register", folder / "sample.pkl", "--name", "sklearn_mnist"], check=True)
    subprocess.run(["lmd", "model", "register", folder / "sample.pkl", "--name", "untagged"], check=True)
    notebook = nbformat.reads(tutorial_page.with_port(NOTEBOOK.read_text(), port), as_version=4)
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    printed = "".join(
        output.get("text", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if cell.cell_type == "code"
    )
    assert "the model sees [2]" in printed and "{'sklearn_mnist': [2], 'sklearn_mnist_svc': [2]}" in printed
    assert printed.rstrip().endswith("deleted")
