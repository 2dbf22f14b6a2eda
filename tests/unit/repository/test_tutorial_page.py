"""The tutorial's notebook is made from the page."""

import runpy
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[3]
NOTEBOOK = ROOT / "docs" / "tutorials" / "azure-ml-local.ipynb"
RENDER = runpy.run_path(str(ROOT / "hack" / "notebook.py"))["render"]


def test_the_notebook_is_up_to_date() -> None:
    assert NOTEBOOK.read_text() == RENDER(), "run hack/docs"


def test_rendering_again_changes_nothing() -> None:
    assert RENDER() == RENDER()


def test_code_is_in_code_cells_and_output_is_nowhere() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert any(source.startswith("%%writefile score.py\n") for source in code)
    assert any(source.startswith("%%bash\nlmd run") for source in code)
    assert not any("```" in source for source in code)
    assert "```text" not in text
    assert "```sh until=Ctrl-C\nlmd debug" in text, "what runs in another terminal stays in the text"
