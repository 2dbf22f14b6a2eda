"""What a script's author is told to do about an error: what can help, and nothing else."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from localmodel_untrusted import distributions
from localmodel_worker.script.errors import one_line


def told(code: Path, line: str) -> str:
    """The message of a script with this line, without its place."""
    script = code / "score.py"
    script.write_text(f"{line}\n")
    try:
        exec(compile(line, str(script), "exec"), {"__name__": "score", "__package__": ""})
    except Exception as error:
        return one_line(error, code, "score.py").removeprefix("score.py:1: ")
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("import no_such_module.inner", "add it to the environment's requirements"),
        ("import cv2", "add opencv-python-headless to the environment's requirements"),
        ("import polars.exceptions", "add it to the environment's requirements"),
        ("import google.cloud.storage", "add google-cloud-storage to the environment's requirements"),
        (
            "from azureml.core.model import Model",
            "add azureml-core to the environment's requirements (azureml-defaults is always left out), or read "
            "AZUREML_MODEL_DIR",
        ),
        ("from google.cloud import storage", "add google-cloud-storage to the environment's requirements"),
        ("import google.analytics", "add the package that has it to the environment's requirements"),
        ("import yaml.no_such_part", f"pyyaml {metadata.version('pyyaml')} has no such module"),
        ("import json.no_such_part", "Python {}.{} has no such module"),
        ("raise ModuleNotFoundError(\"No module named 'smtpd'\", name='smtpd')", "Python {}.{} has it no longer"),
    ],
)
def test_a_missing_module_comes_with_advice_that_can_help(tmp_path: Path, line: str, advice: str) -> None:
    assert told(tmp_path, line).split("; ")[1:] == [advice.format(*sys.version_info)]


def test_all_packages_that_are_not_there_are_told_with_the_first(tmp_path: Path) -> None:
    """Only those that the script cannot do without, and of which it is known which package has them."""
    (tmp_path / "cleaning.py").write_text("import polars\nimport json, yaml\nfrom google.cloud import bigquery\n")
    others = "import cleaning; import numpy, company_models; from PIL import Image"
    late = "\ndef run(raw_data):\n    import plotly"
    said = told(tmp_path, f"import cv2; {others}{late}")
    assert said.split("; ")[1:] == [
        "add opencv-python-headless, google-cloud-bigquery, pillow, polars to the environment's requirements"
    ]


def test_a_module_that_lies_in_the_folder_is_not_to_be_installed(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "helper.py").write_text("")
    assert told(tmp_path, "import own.part") == "ModuleNotFoundError: No module named 'own'"
    assert told(tmp_path, "import helper").endswith("; it is src/helper.py in the code folder: import src.helper")


def test_a_relative_import_of_a_script_is_told_how_to_be_written(tmp_path: Path) -> None:
    said = told(tmp_path, "from .utils import x")
    assert said.endswith("; the script and the modules beside it are in no package: leave the dot out")


@pytest.mark.parametrize(
    "raised",
    [
        "ValueError('numpy.dtype size changed, may indicate binary incompatibility. Expected 96, got 88')",
        "ImportError('numpy.core.multiarray failed to import')",
        "RuntimeError('module compiled against ABI version 0x1000009 but this version of numpy is 0x2000000')",
        "RuntimeError('module compiled against API version 0x10 but this version of numpy is 0xf')",
        "AttributeError('_ARRAY_API not found')",
    ],
)
@pytest.mark.parametrize(("has", "remedy"), [("2.2.6", "add numpy<2 to the env"), ("1.19.5", "write a later one")])
def test_a_package_for_another_numpy_has_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: str, has: str, remedy: str
) -> None:
    monkeypatch.setattr(metadata, "version", {"numpy": has}.__getitem__)
    assert remedy in told(tmp_path, f"raise {raised}")


def test_a_model_that_is_not_found_is_told_with_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, models = tmp_path / "app", tmp_path / "models"
    code.mkdir()
    models.mkdir()
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(models))
    assert told(code, f"open('{models}/m.pkl')").endswith("; this deployment has no models")
    (code / "m.pkl").write_text("")
    assert told(code, f"open('{models}/m.pkl')").endswith(
        "; this deployment has no models; m.pkl is in its code: give it as a model"
    )
    (models / "net").mkdir()
    for number in range(12):
        (models / "net" / f"{number:02}.bin").write_text("")
    said = told(code, f"open('{models}/m.pkl')")
    assert said.endswith(f"; AZUREML_MODEL_DIR has {', '.join(f'net/{number:02}.bin' for number in range(10))}, ...")
    assert told(code, "open('03.bin')").endswith("; it is in AZUREML_MODEL_DIR, as net/03.bin")
    assert told(code, "open('other.json')") == "FileNotFoundError: [Errno 2] No such file or directory: 'other.json'"


@pytest.mark.parametrize(
    ("module", "distribution"),
    [
        ("sklearn.svm.classes", "scikit-learn"),
        ("google.cloud.storage.blob", "google-cloud-storage"),
        ("google.cloud", ""),
        ("numpy._core", "numpy"),
        ("helper", ""),
    ],
)
def test_the_distribution_of_a_module(module: str, distribution: str) -> None:
    assert distributions.of_module(module) == distribution
