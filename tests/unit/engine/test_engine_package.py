"""Docker's package is an extra: without it all else works, and whoever wants an engine is told what to install."""

import importlib
import importlib.util
import subprocess
import sys

import pytest

from localmodel.errors import UserError


def test_nothing_but_an_engine_needs_the_package() -> None:
    code = (
        "import sys, localmodel.cli, localmodel.sdk.client, localmodel.targets.make; assert 'docker' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_the_package_the_user_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "localmodel" and "engine" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'localmodel\[docker\]'"):
        importlib.import_module("localmodel.engine")
