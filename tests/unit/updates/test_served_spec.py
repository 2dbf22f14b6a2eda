"""A spec without a script is served with the one of its model: what it says itself stays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localmodel import no_code
from localmodel.errors import UserError
from localmodel.no_code import Scoring
from localmodel.reasons import MODEL_NOT_FOUND
from localmodel.resource import schema, spec
from localmodel.resource.spec import DeploymentSpec, EnvironmentSpec
from localmodel.store import Store
from localmodel.updates import served_spec

SCRIPT = b"def init():\n    pass\n\n\ndef run(raw_data):\n    return 1\n"
Make = Callable[[str], None]


def scoring(text: str, **changes: Any) -> Scoring:
    """What is made of a model with this text."""
    made = {
        "flavor": "words",
        "entry": "score.py",
        "files": {"score.py": SCRIPT},
        "environment": EnvironmentSpec("3.12", ("words==1", "six")),
        "request": b'{"data": []}',
        "notes": (f"it is {text}",),
    }
    return Scoring(**{**made, **changes})


@pytest.fixture(name="store")
def given_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(no_code, "scoring", lambda path, name: scoring(path.read_text()))
    store = Store(tmp_path / "store")
    (tmp_path / "word.txt").write_text("good")
    store.models.register("word", tmp_path / "word.txt")
    return store


def wanted(**fields: Any) -> DeploymentSpec:
    manifest = {
        "apiVersion": schema.API_VERSION,
        "kind": schema.KIND,
        "metadata": {"name": "app"},
        "spec": {"models": [{"name": "word", "version": 1}], **fields},
    }
    return spec.parse(schema.validate(manifest)["spec"])


def test_script_environment_and_first_gate_are_the_models(store: Store) -> None:
    notes: list[str] = []
    served = served_spec.of(wanted(), store, notes.append)
    assert (served.entry_script, served.source.inline) == ("score.py", {"score.py": SCRIPT.decode()})
    assert served.environment == EnvironmentSpec("3.12", ("words==1", "six"))
    assert served.gate and [request["body"] for request in served.gate.requests] == ['{"data": []}']
    assert served.generated == "generated for words (words==1)" and notes == ["it is good"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"python": "3.11"}, EnvironmentSpec("3.11", ("words==1", "six"))),
        ({"requirements": ["words==2"]}, EnvironmentSpec("3.12", ("words==2",))),
        ({"baseImage": "mine:1"}, EnvironmentSpec("3.12", ("words==1", "six"), "mine:1")),
        ({"ref": {"name": "own", "version": 1}}, EnvironmentSpec("3.13", ("other",))),
    ],
)
def test_what_the_manifest_says_of_the_environment_stays(
    store: Store, environment: dict[str, Any], expected: EnvironmentSpec
) -> None:
    store.environments.register("own", EnvironmentSpec("3.13", ("other",)))
    assert served_spec.of(wanted(environment=environment), store).environment == expected


def test_the_manifests_own_gate_stays(store: Store) -> None:
    own = {"gate": {"requests": [{"body": "[1]"}]}}
    gate = served_spec.of(wanted(update=own), store).gate
    assert gate and [request["body"] for request in gate.requests] == ["[1]"]


def test_a_script_is_made_once_and_outlives_a_later_version_of_the_library(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = served_spec.of(wanted(), store)
    monkeypatch.setattr(no_code, "scoring", lambda path, name: scoring("", files={"score.py": b"later"}))
    assert served_spec.of(wanted(), store) == before
    (kept,) = (store.root / "scoring").iterdir()
    kept.write_text("{")  # what cannot be read is made anew
    assert served_spec.of(wanted(), store).source.inline == {"score.py": "later"}


def test_garbage_collection_removes_the_scripts_of_deleted_models(store: Store) -> None:
    served_spec.of(wanted(), store)
    store.collect_garbage()
    assert [*(store.root / "scoring").iterdir()]
    store.models.delete("word", 1)
    store.collect_garbage()
    assert not [*(store.root / "scoring").iterdir()]


def test_an_error_names_the_model_field(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, name: str) -> Scoring:
        raise UserError(MODEL_NOT_FOUND, f"{path.name} needs a script")

    monkeypatch.setattr(no_code, "scoring", refuse)
    with pytest.raises(UserError, match=r"^spec\.models\[0\]: word\.txt needs a script$"):
        served_spec.of(wanted(), store)


@pytest.mark.parametrize("models", [[], [{"name": "a", "version": 1}, {"name": "b", "version": 1}]])
def test_without_a_script_there_is_just_one_model(models: list[Any]) -> None:
    with pytest.raises(UserError, match=r"^spec\.models: name the script in spec\.scoring, or just one model here"):
        wanted(models=models)


def test_a_spec_with_a_script_stays_as_it_is(store: Store) -> None:
    own = wanted(scoring={"entryScript": "score.py", "source": {"inline": {"score.py": ""}}})
    assert served_spec.of(own, store) == own and own.environment.python == "3.11"
