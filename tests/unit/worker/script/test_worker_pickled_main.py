"""What is said of a name that a pickle wants from ``__main__``."""

import sys
from types import ModuleType

import pytest

from localmodel_worker.script.pickled_main import explain, look_up_in


def test_only_a_name_that_the_entry_script_lacks_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    script = ModuleType("score")
    vars(script)["AddOne"] = object()
    monkeypatch.setattr(sys.modules["__main__"], "__getattr__", None, raising=False)
    look_up_in(script)
    lacking, of_a_child = (
        AttributeError(f"Can't get attribute {name!r} on <module '__main__' (built-in)>") for name in ("Gone", "AddOne")
    )
    explain(lacking, "score.py")
    explain(of_a_child, "score.py")
    assert str(lacking).startswith("Gone: of the script that saved the pickle, and score.py does not have it")
    assert str(of_a_child).startswith("Can't get attribute 'AddOne'")
