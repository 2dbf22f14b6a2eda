"""Built wheels go with the last deployment of their namespace."""

from __future__ import annotations

from pathlib import Path

import pytest

from localmodel_operator.wheels import kept


@pytest.fixture(name="folder")
def given_folder(tmp_path: Path) -> Path:
    for namespace in ("living.1", "living.0", "left.2", "others.3"):
        (tmp_path / namespace / "key" / "source").mkdir(parents=True)
        (tmp_path / namespace / "key" / "a.whl").write_bytes(bytes(10))
        (tmp_path / namespace / "key" / "source" / "a.tar.gz").write_bytes(bytes(5))
    return tmp_path


def test_what_was_built_for_a_namespace_goes_with_its_last_deployment(folder: Path) -> None:
    kept.sweep(folder, {"living": "living.1"}, ())
    assert [path.name for path in folder.iterdir()] == ["living.1"] and kept.size(folder / "living.1") == 15


def test_what_another_operator_serves_stays(folder: Path) -> None:
    assert kept.namespaces(folder) == {"living", "left", "others"}
    kept.sweep(folder, {"living": "living.1"}, ("living", "left"))
    assert {path.name for path in folder.iterdir()} == {"living.1", "others.3"}


def test_what_was_built_for_a_namespace_that_may_not_be_looked_at_stays(folder: Path) -> None:
    kept.sweep(folder, {"living": None}, ())
    assert {path.name for path in folder.iterdir()} == {"living.0", "living.1"}


def test_there_need_not_be_any(tmp_path: Path) -> None:
    kept.sweep(tmp_path / "none", {}, ())
    assert kept.size(tmp_path / "none") == 0
