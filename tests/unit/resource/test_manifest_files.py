"""A manifest's file is read as kubectl reads it."""

from dataclasses import replace
from pathlib import Path

import pytest

from localmodel.errors import UserError
from localmodel.resource import manifest
from localmodel.resource.spec import EnvironmentRef, parse


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nspec:\n  replicas: 1\n  env: []\n  replicas: 2\n", ("'replicas' is there twice", "line 5")),
        ("[" * 20_000, ("nested too deeply",)),
    ],
    ids=["a key twice", "deep"],
)
def test_what_kubectl_would_not_read_is_told_with_the_file(tmp_path: Path, text: str, told: tuple[str, ...]) -> None:
    (tmp_path / "app.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        manifest.read(tmp_path / "app.yaml")
    assert caught.value.reason == "InvalidManifest"
    assert all(word in str(caught.value) for word in ("app.yaml", *told))


def test_a_manifest_that_was_changed_since_it_was_read_has_the_defaults_of_what_is_new() -> None:
    spec = {"scoring": {"entryScript": "score.py", "source": {"inline": {"score.py": ""}}}}
    read = manifest.read(
        {
            "apiVersion": "localmodel.dev/v1alpha1",
            "kind": "LocalModelDeployment",
            "metadata": {"name": "app"},
            "spec": spec,
        }
    )
    environment = {"ref": {"name": "e", "version": 1}}
    changed = replace(
        read, deployment={**read.deployment, "spec": {**read.deployment["spec"], "environment": environment}}
    )
    assert parse(manifest.read(changed).deployment["spec"]).environment_ref == EnvironmentRef("e", 1)


def test_a_file_of_powershells_is_told_how_to_be_saved(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text("a: 1\n", encoding="utf-16")
    with pytest.raises(UserError, match=r"app\.yaml: cannot be read: it is UTF-16, .*: save it as UTF-8$"):
        manifest.read(tmp_path / "app.yaml")
