"""Imports beside the lock of the environment: what is missing, in one message that says what to add."""

from pathlib import Path
from typing import Any

import pytest

from localmodel.imports import beside_code, write
from localmodel.imports.missing import Missing, additions, missing
from localmodel.imports.needs import Pickled
from localmodel.requirements import misnamed

FIELD = "spec.environment.requirements"
LOADS = "import joblib\nmodel = joblib.load('model.pkl')\n"


def look(source: str, lock: str = "", *models: Pickled, beside: tuple[str, ...] = (), **files: str) -> Missing:
    code = {"score.py": source, **{f"{name}.py": text for name, text in files.items()}}
    return missing({name: text.encode() for name, text in code.items()}, "score.py", models, lock, FIELD, beside)


def pickled(*modules: str, who: str = "model churn:1", **versions: str) -> Pickled:
    named = {name.replace("_", "-"): version for name, version in versions.items()}
    found: dict[str, Any] = {"files": {"model.pkl": {}}, "modules": list(modules), "versions": named}
    return Pickled(who, found)


def test_all_that_is_missing_is_told_at_once_under_the_names_of_packages() -> None:
    model = pickled("lightgbm.sklearn", "sklearn.pipeline", "numpy", "cleaning", scikit_learn="1.9.1", numpy=">=2")
    found = look(LOADS + "import pandas as pd, json, yaml\n", "", model)
    assert found.error == (
        f"{FIELD}: score.py:1 imports joblib, score.py:3 imports pandas, score.py:3 imports yaml, model churn:1 needs "
        "lightgbm, numpy and scikit-learn, which no requirement brings; add joblib, lightgbm, numpy>=2, pandas, "
        "pyyaml, scikit-learn==1.9.1"
    )
    assert found.notes == ()
    assert additions(found.error) == ("joblib", "lightgbm", "numpy>=2", "pandas", "pyyaml", "scikit-learn==1.9.1")


def test_what_the_lock_has_is_not_missing() -> None:
    lock = (
        "joblib==1.5.0\npandas==2.3.0 \\\n    --hash=sha256:01\nopencv-contrib-python==4.0 ; python_version >= '3.9'\n"
    )
    assert look(LOADS + "import pandas, cv2\nfrom joblib import dump", lock) == Missing()
    assert additions(look("import cv2, numpy", lock).error) == ("numpy",)


def test_other_files_of_the_script_are_told_by_their_names() -> None:
    assert look("import cleaning", cleaning="\nimport nltk").error == (
        f"{FIELD}: cleaning.py:2 imports nltk, which no requirement brings; add nltk"
    )


@pytest.mark.parametrize(
    "source",
    [
        "import company_models",  # nobody knows whose it is
        "import company.models, os.path, tomllib, distutils.core, asyncore",
        "from azureml.contrib.services.aml_request import AMLRequest, rawhttp",
        "import azureml_inference_server_http.api.aml_response",
        "import google, azure",
    ],
)
def test_nothing_is_said_of_what_is_not_known_or_is_there_anyway(source: str) -> None:
    assert look(source) == Missing()


@pytest.mark.parametrize(
    ("source", "lock"),
    [
        ("import PIL.Image", "pillow-simd==9.0"),
        ("import jwt", "jwt==1.0"),
        ("import torch", "company-torch-cpu==2.0"),
        ("import psycopg2", "psycopg2==2.9"),
        ("from google.cloud import storage", "google-storage-of-ours==1.0"),
    ],
)
def test_a_package_of_a_similar_name_may_bring_the_module(source: str, lock: str) -> None:
    assert look(source, lock).error == ""


def test_a_similar_name_that_is_known_brings_another_module() -> None:
    assert additions(look("import sklearn", "scikit-image==0.25").error) == ("scikit-learn",)
    source = "from google.cloud import bigquery, storage"
    assert additions(look(source, "google-cloud-bigquery==3.0").error) == ("google-cloud-storage",)
    assert additions(look(source).error) == ("google-cloud-bigquery", "google-cloud-storage")


def test_an_import_that_may_not_run_is_a_note() -> None:
    assert look("def run(raw_data):\n    import plotly.express") == Missing(
        notes=(
            f"{FIELD}: score.py:2 imports plotly.express where it is not certain to run, and no requirement brings it; "
            "add plotly if it does",
        )
    )


def test_a_model_that_may_not_be_loaded_stops_nothing() -> None:
    lock, model = "joblib==1.5.0", pickled("xgboost.sklearn")
    assert look("import json", "", model) == Missing(
        notes=(f"{FIELD}: model churn:1 needs xgboost, which no requirement brings; add xgboost",)
    )
    assert look(LOADS, lock, model, pickled("PIL.Image", who="model other:2")).error == ""
    assert look(LOADS, lock, model).error != ""


def test_a_file_that_no_list_names_is_told() -> None:
    assert look("import cleaning", beside=("cleaning.py", "train.py")).error == (
        "score.py:1 imports cleaning: cleaning.py lies beside it but is not in kustomization.yaml's files"
    )
    both = look("import cleaning\nimport numpy", beside=("cleaning.py",)).error
    assert additions(both) == ("numpy",)
    assert both.endswith(
        "; score.py:1 imports cleaning: cleaning.py lies beside it but is not in kustomization.yaml's files"
    )


def test_a_model_in_the_code_is_offered() -> None:
    reads = b"import os\nopen(os.environ['AZUREML_MODEL_DIR'] + '/model.pkl')"
    files = {"score.py": reads, "model.pkl": b"", "notes.txt": b""}
    assert beside_code.offer(files, "score.py", "./churn") == (
        "this deployment has no models, and score.py reads one; model.pkl is in its code: "
        "lmd apply ./churn --model ./churn/model.pkl"
    )
    assert beside_code.offer(files, "score.py", "").endswith("model.pkl is in its code; give it as a model")
    assert beside_code.offer({**files, "score.py": b"open('model.pkl')"}, "score.py", "") == ""
    assert beside_code.offer({"score.py": reads}, "score.py", "") == ""


def test_requirements_are_added_behind_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    error = look(LOADS + "import numpy").error
    assert write.write(file, error) == ["joblib", "numpy"]
    assert file.read_text() == "joblib\nnumpy\n"
    file.write_text("# of the model\nscipy  # for ODEs")
    write.write(file, error)
    assert file.read_text() == "# of the model\nscipy  # for ODEs\njoblib\nnumpy\n"
    file.write_bytes(b"scipy\r\n")
    write.write(file, error)
    assert file.read_bytes() == b"scipy\r\njoblib\r\nnumpy\r\n"


def test_names_that_are_no_packages_are_corrected_where_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("numpy\nSklearn>=1.5  # the model's\nPIL\n-r more.txt\n")
    wrong = misnamed.faults(["numpy", "sklearn", "pil"], FIELD)
    assert wrong == [
        f"{FIELD}[1]: sklearn is not a package that can be installed; write scikit-learn",
        f"{FIELD}[2]: pil is not a package that can be installed; write pillow",
    ]
    assert write.write(file, "; ".join(wrong)) == ["scikit-learn>=1.5  # the model's", "pillow"]
    assert file.read_text() == "numpy\nscikit-learn>=1.5  # the model's\npillow\n-r more.txt\n"


def test_an_error_of_something_else_writes_nothing(tmp_path: Path) -> None:
    assert write.write(tmp_path / "requirements.txt", "score.py:1: KeyError: 'age'") == []
    assert not (tmp_path / "requirements.txt").exists()
