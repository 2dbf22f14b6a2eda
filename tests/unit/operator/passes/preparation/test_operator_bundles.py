"""What a pod gets for a warm swap is what the revision was made of, or else nothing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from localmodel.disk.executable import Executable
from localmodel.oci.layout import Layout
from localmodel.store import Store
from localmodel.updates import image, revision
from localmodel.updates.image import EnvironmentImage
from localmodel.updates.revision import Revision
from localmodel_operator.operator import Operator
from localmodel_operator.passes.preparation.bundles import Bundles
from localmodel_operator.records.history import RecordedRevision

FILES = {"score.py": b"x = 1", "tools/run.sh": Executable(b"#!/bin/sh")}


class Given:
    """A revision with a model, and the layout that its image was composed in."""

    def __init__(self, folder: Path) -> None:
        self.layout, self.store = Layout(folder / "images"), self.with_model(folder / "store", "first")
        environment = EnvironmentImage("base", "amd64", "linux", (), (self.layout.add(b"layer"),))
        models = [self.store.models.get("word", 1)]
        made = image.compose(self.layout, environment, self.store, models, "score.py", FILES)
        bundle = revision.bundle_digest(revision.code_digest("score.py", FILES), models)
        parts = Revision("base", "server", "lock", bundle, "settings")
        self.target = RecordedRevision(
            1, "inputs", made.reference("x"), {}, parts, "environment", "score.py", ("word:1",), None, ""
        )

    def with_model(self, folder: Path, content: str) -> Store:
        folder.mkdir()
        (folder / "word.txt").write_text(content)
        store = Store(folder / "kept")
        store.models.register("word", folder / "word.txt")
        return store

    async def bundles(self, store: Store) -> Bundles | None:
        return await Bundles.of(cast(Operator, SimpleNamespace(layout=self.layout, store=store)), self.target, ())


@pytest.fixture(name="given")
def given_revision(tmp_path: Path) -> Given:
    return Given(tmp_path)


async def test_the_models_of_the_revision(given: Given) -> None:
    assert await given.bundles(given.store) is not None


async def test_another_store_has_another_model_of_that_name_and_version(given: Given, tmp_path: Path) -> None:
    assert await given.bundles(given.with_model(tmp_path / "other", "second")) is None


async def test_a_store_without_the_model(given: Given, tmp_path: Path) -> None:
    assert await given.bundles(Store(tmp_path / "empty")) is None
