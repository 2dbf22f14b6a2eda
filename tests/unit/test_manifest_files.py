"""A manifest's file is read as kubectl reads it."""

from pathlib import Path

import pytest

from localmodel import manifest
from localmodel.errors import UserError


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
