"""Which modules a warm parent may import for the next revision, and what user code names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from localmodel_worker.forking.installed_modules import loaded_modules, packages_stamp
from localmodel_worker.forking.named_imports import named_imports


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A revision's code on sys.path; what it imports is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return tmp_path


def test_modules_of_the_revision_are_not_installed(code: Path) -> None:
    (code / "my_part.py").write_text("import json.tool\nfrom collections import abc\n")
    vendored = code / "site-packages" / "my_vendored.py"
    vendored.parent.mkdir()
    vendored.write_text("import wave")
    known = set(sys.modules)
    sys.path.insert(0, str(vendored.parent))
    try:
        import my_part  # type: ignore[import-not-found]
        import my_vendored  # type: ignore[import-not-found]  # noqa: F401
    finally:
        sys.path.remove(str(vendored.parent))
    found = loaded_modules({"AML_APP_ROOT": str(code)}, known)
    assert my_part.__name__ not in found["installed"]
    assert "my_vendored" not in found["installed"], "it comes with the revision, and goes with it"
    assert "json.tool" in found["installed"] or "json.tool" in known
    assert {"json", "json.tool", "collections", "wave"} <= set(found["imported"])
    assert "localmodel_worker.frames" not in loaded_modules({})["installed"]
    assert loaded_modules({})["installed"].index("json") < loaded_modules({})["installed"].index("json.tool")


def test_named_imports(tmp_path: Path) -> None:
    import email.mime.text  # noqa: F401

    file = tmp_path / "score.py"
    file.write_text(
        "import os as o, email.mime.text\n"
        "from email import mime, message_from_string\n"
        "from . import beside\n"
        "def init():\n    import json\n    import not_installed\n"
    )
    assert named_imports([str(file)]) == ["os", "email", "email.mime", "email.mime.text", "json"]


def test_files_that_are_no_code_name_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import (")
    (tmp_path / "zero.py").write_bytes(b"import os\0")
    assert named_imports([str(tmp_path / name) for name in ("broken.py", "zero.py", "gone.py")]) == []


def test_the_stamp_of_packages(tmp_path: Path) -> None:
    folder = tmp_path / "site-packages"
    (folder / "one-1.0.dist-info").mkdir(parents=True)
    before = packages_stamp([str(tmp_path), str(folder), str(tmp_path / "gone" / "site-packages")])
    (folder / "__pycache__").mkdir()
    assert packages_stamp([str(folder)]) == before, "what running does is no installation"
    (folder / "one-1.0.dist-info").rename(folder / "one-1.1.dist-info")
    after = packages_stamp([str(folder)])
    assert after != before
    (folder / "hook.pth").write_text("import hook")
    assert packages_stamp([str(folder)]) != after
