"""What a model version says of itself, what may change of it, and what may not."""

import json
from pathlib import Path

import pytest

from localmodel.errors import UserError
from localmodel.store import ModelVersion, Store
from localmodel.targets.machine import unpacked
from localmodel.targets.machine.state import RevisionRecord, State
from localmodel.updates import revision


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home" / "store")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ridge.bin"
    path.write_text("weights")
    return path


def names(models: list[ModelVersion]) -> list[str]:
    return [f"{model.name}:{model.version}" for model in models]


def reason(error: pytest.ExceptionInfo[UserError]) -> str:
    return error.value.reason


def deployment(store: Store, folder: str, name: str, *models: ModelVersion) -> None:
    """What the process and docker targets keep of a deployment's first revision."""
    digests = revision.Revision("", "", "", "", "")
    told = {"LOCALMODEL_MODEL": revision.models_text(models), "AZUREML_ENTRY_SCRIPT": "score.py"}
    record = RevisionRecord(1, digests, "created", "", told, build="", target=folder, code="sha256:c")
    State(store.root.parent / folder, name).keep(record)


def test_what_is_told_of_a_model_is_kept(store: Store, file: Path) -> None:
    registered = store.models.register(
        "ridge",
        file,
        tags={"area": "diabetes"},
        properties={"alpha": "0.5"},
        description="Ridge regression",
        framework="ScikitLearn",
        framework_version="1.5",
    )
    assert store.models.get("ridge") == registered
    assert (registered.tags, registered.properties) == ({"area": "diabetes"}, {"alpha": "0.5"})
    assert (registered.framework, registered.framework_version) == ("ScikitLearn", "1.5")


def test_the_same_files_with_something_else_told_are_a_new_version_of_the_same_content(
    store: Store, file: Path
) -> None:
    one = store.models.register("ridge", file, tags={"area": "diabetes"})
    two = store.models.register("ridge", file, tags={"area": "age"})
    assert (one.version, two.version) == (1, 2)
    assert one.digest == two.digest


def test_records_of_the_first_release_are_read(store: Store, file: Path) -> None:
    version = store.models.register("ridge", file)
    record = store.root / "models" / "ridge" / "1.json"
    first = {"name": "ridge", "version": 1, "digest": version.digest, "created": version.created}
    record.write_text(
        json.dumps({**first, "weights": {"digest": version.weights.digest, "size": version.weights.size}})
    )
    assert store.models.get("ridge", 1) == version == store.models.register("ridge", file)


def test_models_are_found_by_tag_name_and_latest(store: Store, file: Path) -> None:
    store.models.register("ridge", file, tags={"area": "diabetes", "type": "regression"})
    store.models.register("ridge", file, tags={"area": "age"})
    store.models.register("mnist", file, tags={"type": "digits"})
    assert names(store.models.list()) == ["mnist:1", "ridge:1", "ridge:2"]
    assert names(store.models.list(tags={"area": "diabetes"})) == ["ridge:1"]
    assert names(store.models.list(tags={"type": None})) == ["mnist:1", "ridge:1"]
    assert names(store.models.list(tags={"area": "diabetes", "type": "digits"})) == []
    assert names(store.models.list(latest=True)) == ["mnist:1", "ridge:2"]
    assert names(store.models.list("ridge", latest=True)) == ["ridge:2"]
    assert names(store.models.list("nothing")) == []


def test_tags_move_properties_only_grow_content_stays(store: Store, file: Path) -> None:
    before = store.models.register("ridge", file, tags={"area": "diabetes", "old": "1"}, properties={"alpha": "0.5"})
    store.models.update("ridge", 1, tags={"area": "age"}, remove_tags=["old"], properties={"l1": "0"}, description="R")
    after = store.models.get("ridge", 1)
    assert (after.tags, after.properties) == ({"area": "age"}, {"alpha": "0.5", "l1": "0"})
    assert (after.description, after.digest) == ("R", before.digest)
    with pytest.raises(UserError, match=r"alpha of ridge:1 is '0.5'") as immutable:
        store.models.update("ridge", 1, tags={"area": "x"}, properties={"alpha": "1"})
    assert reason(immutable) == "PropertyImmutable"
    assert store.models.get("ridge", 1) == after


def test_a_reference_is_a_name_a_number_or_an_alias(store: Store, file: Path) -> None:
    store.models.register("ridge", file)
    store.models.register("ridge", file, description="better")
    store.models.set_alias("ridge", "champion", 1)
    found = [store.models.find(text).version for text in ("ridge", "ridge:1", "ridge@champion", "ridge@latest")]
    assert found == [2, 1, 1, 2]
    store.models.set_alias("ridge", "champion", 2)
    store.models.set_alias("ridge", "candidate", 2)
    assert store.models.aliases("ridge") == {"champion": 2, "candidate": 2}
    store.models.remove_alias("ridge", "champion")
    with pytest.raises(UserError, match="no alias champion; its aliases: candidate") as gone:
        store.models.find("ridge@champion")
    with pytest.raises(UserError, match="starting with a letter") as invalid:
        store.models.set_alias("ridge", "2", 1)
    with pytest.raises(UserError) as reserved:
        store.models.set_alias("ridge", "latest", 1)
    with pytest.raises(UserError) as unknown:
        store.models.set_alias("ridge", "champion", 3)
    with pytest.raises(UserError, match="is not a version number") as no_number:
        store.models.find("ridge:champion")
    assert [reason(each) for each in (gone, invalid, reserved, unknown, no_number)] == [
        "AliasNotFound",
        "AliasInvalid",
        "AliasInvalid",
        "VersionNotFound",
        "VersionNotFound",
    ]


def test_a_download_keeps_the_name_and_replaces_only_when_told(store: Store, file: Path, tmp_path: Path) -> None:
    (tmp_path / "net" / "layers").mkdir(parents=True)
    (tmp_path / "net" / "layers" / "1.bin").write_text("one")
    store.models.register("ridge", file)
    store.models.register("net", str(tmp_path / "net"))
    there = tmp_path / "there"
    assert store.models.download("ridge", 1, str(there)).read_text() == "weights"
    assert (store.models.download("net", None, there) / "layers" / "1.bin").read_text() == "one"
    (there / "net" / "stale.bin").write_text("")
    (there / "ridge.bin").write_text("mine")
    for name in ("ridge", "net"):
        with pytest.raises(UserError) as exists:
            store.models.download(name, 1, there)
        assert reason(exists) == "FileExists"
        store.models.download(name, 1, there, exist_ok=True)
    assert sorted(str(path.relative_to(there)) for path in there.rglob("*")) == [
        "net",
        "net/layers",
        "net/layers/1.bin",
        "ridge.bin",
    ]
    assert (there / "ridge.bin").read_text() == "weights"


def test_a_removed_versions_number_is_never_used_again(store: Store, file: Path) -> None:
    for text in ("one", "two"):
        store.models.register("ridge", file, description=text)
    store.models.set_alias("ridge", "champion", 2)
    store.models.delete("ridge", 2)
    assert store.models.versions("ridge") == [1]
    assert store.models.aliases("ridge") == {}
    assert store.models.register("ridge", file, description="two").version == 3
    for number in (1, 3):
        store.models.delete("ridge", number)
    assert names(store.models.list()) == []
    assert store.models.register("ridge", file).version == 4


def test_a_version_that_deployments_use_stays(store: Store, file: Path) -> None:
    store.models.register("ridge", file)
    store.models.register("ridge", file, description="better")
    first = store.models.get("ridge", 1)
    deployment(store, "deployments", "diabetes", store.models.register("scaler", file), first)
    deployment(store, "containers", "other", first)
    note = store.root / "images" / "uses" / "cluster.json"
    note.parent.mkdir(parents=True)
    kind = {"target": "kind", "namespace": "default", "name": "diabetes", "revision": 4, "models": ["ridge:1"]}
    note.write_text(json.dumps({"images": [], "deployments": [{**kind, "code": "sha256:c", "entryScript": "s.py"}]}))
    with pytest.raises(UserError, match=r"default/diabetes \(kind, revision 4\), diabetes \(dep.*, other") as used:
        store.models.delete("ridge", 1)
    assert reason(used) == "ModelInUse"
    assert [(use.target, use.entry_script) for use in store.models.uses("ridge", 1)] == [
        ("deployments", "score.py"),
        ("containers", "score.py"),
        ("kind", "s.py"),
    ]
    assert store.models.uses("ridge", 2) == ()
    store.models.delete("ridge", 2)


def test_progress_ends_at_the_whole(store: Store, tmp_path: Path) -> None:
    big = tmp_path / "big.bin"
    big.write_bytes(bytes(3 << 20))
    told: list[tuple[int, int]] = []
    store.models.register("big", big, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (3 << 20, 3 << 20)


def test_what_was_unpacked_for_a_deployment_goes_when_nothing_needs_it(store: Store, tmp_path: Path) -> None:
    unpacked_folders = []
    for text in ("registered", "linked", "gone"):
        (tmp_path / "m.bin").write_text(text)
        model = store.models.register("m", tmp_path / "m.bin")
        folder = store.root.parent / "models" / model.weights.digest.removeprefix("sha256:")
        folder.mkdir(parents=True)
        (folder / "m.bin").write_text(text)
        unpacked_folders.append(folder)
    link = store.root.parent / "containers" / "d" / "revisions" / "1" / "app" / "azureml-models" / "m" / "2"
    link.parent.mkdir(parents=True)
    link.symlink_to(unpacked_folders[1])
    store.models.delete("m", 2)
    store.models.delete("m", 3)
    assert unpacked.forget(store) == len("gone")
    assert [folder.exists() for folder in unpacked_folders] == [True, True, False]


def linked(tmp_path: Path) -> Path:
    """A folder as caches and version controls of data leave it: links, hidden files, an executable."""
    model = tmp_path / "model"
    (model / "real").mkdir(parents=True)
    (model / "real/weights.bin").write_text("W")
    (model / ".hidden").write_text("H")
    (model / "run").write_text("R")
    (model / "run").chmod(0o755)
    (model / "current").symlink_to("real")
    return model


def test_a_model_is_registered_whole(store: Store, tmp_path: Path) -> None:
    store.models.register("lnk", linked(tmp_path))
    out = store.models.download("lnk", 1, tmp_path / "out")
    files = {path.relative_to(out).as_posix(): path.read_text() for path in out.rglob("*") if path.is_file()}
    assert files == {"current/weights.bin": "W", "real/weights.bin": "W", ".hidden": "H", "run": "R"}
    modes = {path.name: bool(path.stat().st_mode & 0o100) for path in out.iterdir() if path.is_file()}
    assert modes == {".hidden": False, "run": True}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            "../.git/annex/aa.bin",
            r"model: tokenizer\.bin: a link to \S+annex/aa\.bin, where there is nothing; fetch it first",
        ),
        (".", r"tokenizer\.bin: a link to a folder that it lies in; a model is registered whole, or not at all"),
        ("/dev/null", r"tokenizer\.bin: neither a file nor a folder"),
    ],
)
def test_or_not_at_all(store: Store, tmp_path: Path, target: str, said: str) -> None:
    model = linked(tmp_path)
    (model / "tokenizer.bin").symlink_to(target)
    with pytest.raises(UserError, match=said) as caught:
        store.models.register("lnk", model)
    assert reason(caught) == "ModelIncomplete"
    assert not store.root.exists() or store.models.versions("lnk") == []


def test_a_link_to_nothing_is_no_model(store: Store, tmp_path: Path) -> None:
    (tmp_path / "model.bin").symlink_to("gone")
    with pytest.raises(UserError, match=r"model\.bin points to nothing \(gone\): fetch it first \(dvc pull"):
        store.models.register("lnk", tmp_path / "model.bin")
