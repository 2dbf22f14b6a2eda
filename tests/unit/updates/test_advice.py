"""Advice on an error of a script, from what is known beside its worker."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localmodel import advice
from localmodel.advice import Known
from localmodel.resource import manifest


@dataclass
class Model:
    name: str
    version: int
    pickles: dict[str, Any] = field(default_factory=dict)


MODEL = Model("moved", 1, {"versions": {"scikit-learn": "0.2.1", "numpy": "<2"}})
ADD = "to the environment's requirements"


def missing(name: str, said: str) -> str:
    return f"init() failed: score.py:4: ModuleNotFoundError: No module named '{name}'; {said}"


@pytest.mark.parametrize(
    ("before", "known", "after"),
    [
        (
            missing("sklearn", f"add scikit-learn {ADD}"),
            Known([MODEL]),
            missing("sklearn", f"add scikit-learn==0.2.1 {ADD}"),
        ),
        (missing("numpy", f"add it {ADD}"), Known([MODEL]), missing("numpy", f"add numpy<2 {ADD}")),
        (
            missing("cv2", f"add opencv-python-headless, numpy, scikit-learn {ADD}"),
            Known([MODEL]),
            missing("cv2", f"add opencv-python-headless, numpy<2, scikit-learn==0.2.1 {ADD}"),
        ),
        (
            missing("sklearn.linear_model.zlogistic", "scikit-learn 1.9.1 has no such module"),
            Known([MODEL]),
            missing(
                "sklearn.linear_model.zlogistic",
                "scikit-learn 1.9.1 has no such module, and model moved:1 was saved with scikit-learn 0.2.1",
            ),
        ),
        (
            missing("helper", f"add it {ADD}") + "\nrevision 7 goes on serving",
            Known(files={5: ["helper.py"], 6: ["score.py", "lib/helper.py"], 7: ["score.py"]}),
            missing("helper", "lib/helper.py was in revision 6's folder") + "\nrevision 7 goes on serving",
        ),
        (
            missing("parts", f"add it {ADD}"),
            Known(files={6: ["score.py", "parts/__init__.py"]}),
            missing("parts", "parts/__init__.py was in revision 6's folder"),
        ),
        (
            missing("cleaning", f"add it {ADD}; revision 2 serves"),
            Known(beside=("cleaning.py",)),
            missing(
                "cleaning",
                "cleaning.py lies beside the script but is not in kustomization.yaml's files; revision 2 serves",
            ),
        ),
        (
            "AttributeError: Can't get attribute 'Old' on <module 'sklearn.tree' from '/x/__init__.py'>",
            Known([MODEL]),
            "AttributeError: Can't get attribute 'Old' on <module 'sklearn.tree' from '/x/__init__.py'>; "
            "model moved:1 was saved with scikit-learn 0.2.1",
        ),
        (
            "FileNotFoundError: m.pkl; this deployment has no models; m.pkl is in its code: give it as a model",
            Known(folder="./churn"),
            "FileNotFoundError: m.pkl; this deployment has no models; m.pkl is in its code: give it as a model: "
            "lmd apply ./churn --model ./churn/m.pkl",
        ),
        (
            missing("helper", f"add it {ADD}; revision 2 serves"),
            Known(leaves_out={"helper.py": ".gitignore"}.get, files={1: ["helper.py"]}),  # type: ignore[arg-type]
            missing("helper", "helper.py lies in the folder, and .gitignore leaves it out; revision 2 serves"),
        ),
        (
            missing("pkg.part", f"add the package that has it {ADD}"),
            Known(leaves_out={"pkg/part.py": ".amlignore"}.get),  # type: ignore[arg-type]
            missing("pkg.part", "pkg/part.py lies in the folder, and .amlignore leaves it out"),
        ),
        (
            "init() failed: score.py:1: ModuleNotFoundError: No module named 'pkg.part'",
            Known(leaves_out={"pkg/part.py": ".gitignore"}.get),  # type: ignore[arg-type]
            "init() failed: score.py:1: ModuleNotFoundError: No module named 'pkg.part'; "
            "pkg/part.py lies in the folder, and .gitignore leaves it out",
        ),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: '/r/code/data/x.csv'; this deployment has no "
            "models\nrevision 1 goes on serving",
            Known(leaves_out={"data/x.csv": ".lmdignore"}.get),  # type: ignore[arg-type]
            "FileNotFoundError: [Errno 2] No such file or directory: '/r/code/data/x.csv'; "
            "data/x.csv lies in the folder, and .lmdignore leaves it out\nrevision 1 goes on serving",
        ),
    ],
)
def test_more_is_said_where_more_is_known(before: str, known: Known, after: str) -> None:
    assert advice.more(before, known) == after
    assert advice.more(before, Known()) == before


def test_files_beside_the_code_that_no_generator_lists(tmp_path: Path) -> None:
    kustomization = "configMapGenerator: [{name: code, files: [score.py, x=lib/part.py]}]\nnamePrefix: a-\n"
    (tmp_path / "kustomization.yaml").write_text(kustomization)
    (tmp_path / "lib").mkdir()
    for name in ("score.py", "cleaning.py", "notes.txt", "lib/part.py", "lib/other.py"):
        (tmp_path / name).write_text("")
    assert manifest.beside(tmp_path) == ("cleaning.py", "other.py")
    (tmp_path / "kustomization.yaml").write_text("- 1\n")
    assert manifest.beside(tmp_path) == ()
