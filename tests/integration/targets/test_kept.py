"""What is kept of a revision that a container or a cluster serves, tried as a process of this machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from localmodel import digests, reasons
from localmodel.bisect.tries import Tries
from localmodel.cluster_records.revisions import RevisionData
from localmodel.disk import home
from localmodel.environments.locks.lock import Lock
from localmodel.errors import UserError
from localmodel.oci.layout import Layout
from localmodel.sdk.progress import LoggedProgress
from localmodel.store import Store
from localmodel.targets.kind.kind import KindTarget
from localmodel.targets.machine.state import RevisionRecord, State
from localmodel.targets.target import PastRevision
from localmodel.trial import kept_on_cluster, kept_on_machine
from localmodel.trial.kept import Kept
from localmodel.updates import image, revision
from localmodel.updates.image import EnvironmentImage
from localmodel.updates.plan import Facts
from localmodel.updates.revision import Revision
from localmodel_untrusted.answer_difference import Rules

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
SCRIPT = b"""
import os, pathlib

def init():
    pass

def run(raw_data):
    return [os.environ["RATE"], pathlib.Path(os.environ["AZUREML_MODEL_DIR"], "tree.json").read_text()]
"""
CODE = {"score.py": SCRIPT}
LOCK = Lock("")


class Cluster(KindTarget):
    """A cluster with one revision, 3, that an operator of this machine has made."""

    def __init__(self, data: RevisionData) -> None:
        self.data = data

    def recorded(self, name: str, revision: int) -> RevisionData | None:
        return self.data if revision == 3 else None

    def history(self, name: str) -> list[PastRevision]:
        return [PastRevision(3, "", "", "", "", {}, {})]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with the model tree and a lock without packages."""
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path / "home"))
    (tmp_path / "tree.json").write_text("7")
    made = Store(home.store())
    made.models.register("tree", tmp_path / "tree.json")
    (home.store() / "locks").mkdir()
    (home.store() / "locks" / "one.txt").write_text(LOCK.text)
    return made


def parts(bundle: str = "") -> Revision:
    return Revision("base", "server", LOCK.digest, bundle, "settings")


def on_cluster(store: Store, secrets: Mapping[str, str] | None = None) -> Cluster:
    layout, models = Layout(home.store() / "images"), [store.models.get("tree", 1)]
    environment = EnvironmentImage("base", "amd64", "linux", (), (layout.add(b"layer"),))
    made = image.compose(layout, environment, store, models, "score.py", CODE)
    variables = [{"name": "RATE", "value": "0.5"}, {"name": "LOCALMODEL_ADMIN_KEY", "value": "secret"}]
    return Cluster(
        RevisionData(
            digests=parts(revision.bundle_digest(revision.code_digest("score.py", CODE), models)),
            inputs="",
            image=made.reference("x"),
            environment="",
            template={"spec": {"containers": [{"name": "scoring", "env": variables}]}},
            entryScript="score.py",
            models=("tree:1",),
            facts=Facts(python=PYTHON, variables={"RATE": "digest"}, secrets=secrets or {}).as_json(),
        )
    )


def on_docker(store: Store, lock: Lock = LOCK, named: bool = True) -> State:
    place, model = State(home.home() / "containers", "churn"), store.models.get("tree", 1)
    app = place.folder(3) / "app"
    (app / "azureml-models" / "tree").mkdir(parents=True)
    (app / "score.py").write_bytes(SCRIPT)
    (app / "written-later.txt").write_text("by the script")
    (app / "__pycache__").mkdir()
    (app / "__pycache__" / "score.cpython-311.pyc").write_bytes(b"by Python")
    link = home.home() / "models" / model.weights.digest.removeprefix("sha256:")
    (app / "azureml-models" / "tree" / "1").symlink_to(link)
    environment = {
        "PATH": "/opt/env/bin",
        "RATE": "0.5",
        "LOCALMODEL_PYTHON": "/opt/env/bin/python",
        "LOCALMODEL_MODEL": revision.models_text([model]),
        "AZUREML_ENTRY_SCRIPT": "score.py",
    }
    files = {"score.py": ""} if named else {}  # as of a folder with very many
    facts = Facts(python=PYTHON, files=files, variables={"RATE": digests.of_json("0.5")}).as_json()
    digests_there = Revision("base", "server", lock.digest, "bundle", "settings")
    place.keep(RevisionRecord(3, digests_there, "", "", environment, "0" * 32, "docker", "", facts))
    return place


def answered(kept: Kept) -> bytes:
    return Tries(b"1", Rules(), LoggedProgress()).answer(kept).body


def test_a_revision_of_a_cluster_answers_from_the_store_of_its_operator(store: Store) -> None:
    kept = kept_on_cluster.of(on_cluster(store), "churn", 3)
    assert kept.settings == {"RATE": "0.5"}
    assert answered(kept) == b'["0.5", "7"]'


def test_a_revision_of_a_container_answers_from_its_folder_and_its_lock(store: Store) -> None:
    kept = kept_on_machine.of(on_docker(store), 3)
    assert (kept.code, kept.settings) == (CODE, {"RATE": "0.5"})
    assert answered(kept) == b'["0.5", "7"]'


def test_code_of_many_files_is_what_is_there_but_for_what_python_made(store: Store) -> None:
    kept = kept_on_machine.of(on_docker(store, named=False), 3)
    assert kept.code == {**CODE, "written-later.txt": b"by the script"}


def test_what_this_machine_lacks_is_said(store: Store) -> None:
    with pytest.raises(UserError, match="TOKEN: the value comes from a Secret") as refused:
        kept_on_cluster.of(on_cluster(store, {"TOKEN": "1"}), "churn", 3)
    assert refused.value.reason == reasons.REVISION_NOT_HERE
    with pytest.raises(UserError, match=r"revision 4 is not kept \(kept: 3\)"):
        kept_on_cluster.of(on_cluster(store), "churn", 4)
    with pytest.raises(UserError, match="the lock of its packages is not kept any more"):
        kept_on_machine.of(on_docker(store, Lock("six==1.17.0 --hash=sha256:0\n")), 3)

    cluster = on_cluster(store)
    with pytest.raises(UserError, match="the store no longer has its models"):
        kept_on_cluster.of(Cluster(replace(cluster.data, digests=parts("of another model"))), "churn", 3)
    (home.store() / "images" / "blobs" / "sha256" / cluster.data.image.partition("sha256:")[2]).unlink()
    with pytest.raises(UserError, match="the store of its operator is on another machine"):
        kept_on_cluster.of(cluster, "churn", 3)


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PYTHONPATH", "BROWSER"])
def test_variables_that_lead_to_other_code_on_this_machine_are_refused(store: Store, name: str) -> None:
    cluster = on_cluster(store)
    facts = Facts(python=PYTHON, variables={name: "digest"}).as_json()
    with pytest.raises(UserError, match=f"{name}: Python or the loader of this machine would obey it"):
        kept_on_cluster.of(Cluster(replace(cluster.data, facts=facts)), "churn", 3)
