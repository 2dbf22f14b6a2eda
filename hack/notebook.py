"""Prints the notebook of docs/tutorials/azure-ml-local.md."""

import re
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PAGE = Path(__file__).resolve().parent.parent / "docs" / "tutorials" / "azure-ml-local.md"

_FENCE = re.compile(r"^```(\w+)(?: (\w+)=(\S+))?\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


def render() -> str:
    """The notebook's text, which is always the same for the same page."""
    cells, text, position = [], PAGE.read_text(), 0
    for match in _FENCE.finditer(text):
        language, key, value, code = match.groups()
        cell = _cell(language, key, value, code)
        if cell is None and not _is_output(language, key):
            continue  # a block for another terminal stays in the text
        cells.append(_markdown(text[position : match.start()]))
        cells.append(cell)
        position = match.end()
    cells.append(_markdown(text[position:]))
    notebook = new_notebook(cells=[cell for cell in cells if cell is not None])
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # random by default, so that every rendering would be a change
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def _cell(language: str, key: str | None, value: str | None, code: str) -> nbformat.NotebookNode | None:
    if key == "file":
        return new_code_cell(f"%%writefile {value}\n{code.rstrip()}")
    if language == "python":
        return new_code_cell(code.rstrip())
    if language == "sh" and key is None:
        return new_code_cell(f"%%bash\n{code.rstrip()}")
    return None


def _is_output(language: str, key: str | None) -> bool:
    return language == "text" and key is None


def _markdown(text: str) -> nbformat.NotebookNode | None:
    return new_markdown_cell(text.strip()) if text.strip() else None


if __name__ == "__main__":
    print(render(), end="")
