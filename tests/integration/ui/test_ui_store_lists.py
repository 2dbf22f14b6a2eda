"""A long list of the store is shown a part at a time, and what is not shown is not read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from localmodel.disk import home
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import Store
from localmodel.ui.pages import Pages
from localmodel.ui.store import StorePages

DAMAGED = "is damaged"


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorePages:
    """Those of a store with 120 models, whose tags have their numbers, and 120 versions of an environment."""
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path))
    file = tmp_path / "weights.bin"
    file.write_bytes(b"weights")
    Store(home.store()).models.register("model-000", file, tags={"batch": "n0"})
    Store(home.store()).environments.register("env", EnvironmentSpec(requirements=("joblib",)))
    record = json.loads(record_of("model-000").read_text())
    for number in range(1, 120):
        changed = {**record, "name": f"model-{number:03}", "tags": {"batch": f"n{number}"}}
        record_of(changed["name"]).parent.mkdir()
        record_of(changed["name"]).write_text(json.dumps(changed))
    first = home.store() / "environments" / "env" / "1.json"
    for number in range(2, 121):
        first.with_name(f"{number}.json").write_text(json.dumps({**json.loads(first.read_text()), "version": number}))
    return StorePages(Pages("process", False))


def record_of(name: str) -> Path:
    return home.store() / "models" / name / "1.json"


def shown(page: Any, query: str, link: str = r'href="/models/([\w-]+)"') -> tuple[list[str], str]:
    """What is linked to in the list, and all of the page."""
    text = bytes(page(Request({"type": "http", "query_string": query.encode(), "headers": []})).body).decode()
    return re.findall(link, text), text


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", range(50)),
        ("page=3", range(100, 120)),
        ("q=-01", range(10, 20)),
        ("q=MODEL-1&page=1", range(100, 120)),
        ("q=batch%3Dn11", (11, *range(110, 120))),
        ("q=0&everywhere", [number for number in range(120) if "0" in f"model-{number:03} n{number}"][:50]),
        ("q=nothing", ()),
    ],
)
def test_a_part_of_the_models_has_those_that_were_asked_for(pages: StorePages, query: str, numbers: Any) -> None:
    assert shown(pages.models, query)[0] == [f"model-{number:03}" for number in numbers]


def test_who_finds_names_is_told_of_the_other_search_and_its_parts_belong_together(pages: StorePages) -> None:
    assert 'href="?q=model-00&amp;everywhere"' in shown(pages.models, "q=model-00")[1]
    text = shown(pages.models, "q=model&everywhere")[1]
    assert 'href="?page=2&amp;q=model&amp;everywhere"' in text and "tags and descriptions, too" not in text
    assert "tags and descriptions, too" not in shown(pages.models, "")[1]


def test_what_is_not_shown_is_not_read(pages: StorePages, caplog: pytest.LogCaptureFixture) -> None:
    record_of("model-070").write_text("{")
    names, _ = shown(pages.models, "")
    assert len(names) == 50 and DAMAGED not in caplog.text
    assert len(shown(pages.models, "q=-07")[0]) == 9 and DAMAGED in caplog.text


def test_the_versions_of_an_environment_come_in_parts(pages: StorePages) -> None:
    link = r'href="/environments/env/(\d+)"'
    assert shown(pages.environments, "page=2", link)[0] == [str(number) for number in range(51, 101)]
    assert "51 to 100 of 120" in shown(pages.environments, "page=2", link)[1]
