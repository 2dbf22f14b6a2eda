"""The tutorial in containers: the same page, with LOCALMODEL_TARGET=docker."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import tutorial_page
from support.lmd_command import free_port

PAGE = Path(__file__).parents[2] / "docs" / "tutorials" / "azure-ml-local.md"


@pytest.fixture
def new_home(tmp_path: Path, engine: Any) -> Iterator[Path]:
    """A home with nothing in it; afterwards nothing of it is left in the engine."""
    folder = tmp_path / "home"
    folder.mkdir()
    yield folder
    given = tutorial_page.variables(folder, "docker")
    for applied in (folder / "containers").glob("*/applied.json"):
        subprocess.run(["lmd", "delete", applied.parent.name], env=given, check=True)
    store = f"localmodel.dev/store={(folder / 'store' / 'id').read_text()}"
    for image in engine.images.list(filters={"label": store}):
        engine.images.remove(image.id, force=True)
    engine.images.prune(filters={"dangling": True, "label": store})
    assert engine.containers.list(all=True, filters={"label": store}) == []


def test_the_page_works_in_containers_as_it_stands(tmp_path: Path, new_home: Path) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    tutorial_page.run(PAGE, folder, tutorial_page.variables(new_home, "docker"), free_port())
