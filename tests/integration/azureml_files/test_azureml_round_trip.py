"""Azure ML's deployment files: nothing is lost on the way there and back, for whatever both can say."""

from __future__ import annotations

import string
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.examples import examples

from localmodel.azureml_files import collect, document, folder, gather
from localmodel.azureml_files.gather import Imported
from localmodel.azureml_files.v1 import read as v1_read
from localmodel.azureml_files.v1 import write as v1_write
from localmodel.azureml_files.v2 import read as v2_read
from localmodel.azureml_files.v2 import write as v2_write
from localmodel.resource import manifest, schema
from localmodel.resource.manifest import Manifests
from localmodel.store import Store

SCRIPT = "def init():\n    pass\n\n\ndef run(raw_data):\n    return []\n"

NAMES = st.text(string.ascii_lowercase + string.digits, max_size=10).map(lambda tail: f"n{tail}")
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=30)
VARIABLES = st.dictionaries(
    st.text(string.ascii_uppercase + "_", min_size=1, max_size=12).filter(
        lambda name: name not in ("WORKER_COUNT", "SCORING_TIMEOUT_MS") and not name.startswith(("LOCALMODEL_", "A"))
    ),
    TEXTS,
    max_size=4,
)
QUANTITIES = st.sampled_from(["1", "500m", "0.5", "2Gi", "100M"])
AMOUNTS = st.dictionaries(st.sampled_from(["cpu", "memory", "nvidia.com/gpu"]), QUANTITIES, min_size=1)
RESOURCES = st.dictionaries(st.sampled_from(["requests", "limits"]), AMOUNTS)
REQUIREMENTS = st.lists(
    st.sampled_from(
        [
            "numpy==2.4.6",
            "inference-schema[numpy-support]>=1.8",
            'x; python_version < "3.12"',
            "a @ https://host.example/a-1-py3-none-any.whl",
        ]
    ),
    unique=True,
)
ENVIRONMENTS = st.fixed_dictionaries(
    {"python": st.sampled_from(["3.9", "3.11", "3.14"]), "requirements": REQUIREMENTS},
    optional={"baseImage": st.sampled_from(["python:3.11-slim", "example.com/team/base:1"])},
)
CODE = st.dictionaries(
    st.sampled_from(["util.py", "data.txt", "pkg/__init__.py", "pkg/deep/more.txt"]),
    st.sampled_from(["", "A = 1\n", "# é\n"]),
).map(lambda files: {**files, "score.py": SCRIPT})
COMMON = {
    "name": NAMES,
    "code": CODE,
    "environment": ENVIRONMENTS,
    "variables": VARIABLES,
    "workers": st.integers(1, 64),
    "seconds": st.integers(1, 180),
}
OF_V2 = {
    "replicas": st.integers(0, 100),
    "resources": RESOURCES,
    "deadline": st.integers(10, 86400),
    "labels": st.dictionaries(NAMES, NAMES, max_size=2),
}


def wanted(store: Store, said: dict[str, Any], port: int | None = 6789) -> Manifests:
    code = store.code.register(said["name"], {name: text.encode() for name, text in said["code"].items()}, "score.py")
    spec = {
        "models": [],
        "scoring": {"entryScript": "score.py", "source": {"code": {"name": code.name, "version": code.version}}},
        "environment": said["environment"],
        "env": [{"name": name, "value": value} for name, value in said["variables"].items()],
        "server": {"workers": said["workers"], "scoringTimeoutSeconds": said["seconds"]},
        "service": {"localPort": port} if port else {},
        "replicas": said.get("replicas", 1),
        "resources": said.get("resources", {}),
        "update": {"progressDeadlineSeconds": said.get("deadline", 300)},
    }
    labels = {"labels": said["labels"]} if said.get("labels") else {}
    metadata = {"name": said["name"], **labels}
    whole = {"apiVersion": schema.API_VERSION, "kind": schema.KIND, "metadata": metadata, "spec": spec}
    return Manifests(schema.validate(whole), {})


def written(place: Path, files: Any) -> None:
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)


def code_of(store: Store, found: Imported) -> dict[str, bytes]:
    source = found.manifest["spec"]["scoring"]["source"]
    return store.code.files(store.code.get(source["code"]["name"])) if "code" in source else dict(found.files)


def assert_same(store: Store, before: Manifests, found: Imported, code: dict[str, str]) -> None:
    after = schema.validate(found.manifest)
    assert code_of(store, found) == {name: text.encode() for name, text in code.items()}
    after["spec"]["scoring"]["source"] = before.deployment["spec"]["scoring"]["source"]
    assert after == before.deployment
    # and as a folder
    with tempfile.TemporaryDirectory() as other:
        written(Path(other), folder.contents(found))
        assert manifest.read(Path(other)).deployment == schema.validate(found.manifest)


QUICK = settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(said=st.fixed_dictionaries({**COMMON, **OF_V2}))
def test_v2_there_and_back(said: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        store, place = Store(Path(scratch, "store")), Path(scratch, "azure")
        before = wanted(store, said, None)
        written(place, v2_write.write(collect.collect(before, store, False), "kubernetes").files)
        draft = v2_read.draft(document.read(place / "deployment.yml"), document.read(place / "endpoint.yml"))
        assert_same(store, before, gather.gather(draft, place, store, None, ()), said["code"])


@QUICK
@given(said=st.fixed_dictionaries(COMMON), port=st.integers(1, 65535))
def test_v1_there_and_back(said: dict[str, Any], port: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        store, place = Store(Path(scratch, "store")), Path(scratch, "azure")
        before = wanted(store, said, port)
        written(place, v1_write.write(collect.collect(before, store, False)).files)
        draft = v1_read.draft(
            document.read(place / "inferenceconfig.json"), document.read(place / "deploymentconfig.json")
        )
        assert_same(store, before, gather.gather(draft, place, store, said["name"], ()), said["code"])
