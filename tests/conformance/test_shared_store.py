"""Two people and an operator share one store in a real registry."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import oci_registry
from support.lmd_command import Lmd, Result, script
from support.operator.simulation import Simulation

from localmodel.errors import UserError
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import Store
from localmodel_operator.inputs.fetch import Request
from localmodel_operator.inputs.fetches import in_a_process

READS_IRIS = "import os\n" + script("open(os.environ['AZUREML_MODEL_DIR'] + '/model.txt').read()")
ONE_WRITER = """
import sys
from pathlib import Path
from localmodel.store import Store

store = Store(Path(sys.argv[1]) / "store")
file = Path(sys.argv[1]) / "model.txt"
for number in range(int(sys.argv[2])):
    file.write_text(f"{sys.argv[1]} {number}")
    print(store.models.register("iris", file).version)
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with oci_registry.serving(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture
def place(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A repository of this test's own, which LOCALMODEL_STORE names."""
    name = re.sub("[^a-z0-9]+", "-", tmp_path.name.lower()).strip("-")
    monkeypatch.setenv("LOCALMODEL_STORE", f"oci://{registry}/team/{name}")
    return f"{registry}/team/{name}"


class Person(Lmd):
    """Somebody with a home of their own, and one file that is their model."""

    def model(self, content: str, *options: str) -> Result:
        (self.folder / "model.txt").write_text(content)
        return self("model", "register", "model.txt", "--name", "iris", *options)

    def versions(self) -> list[tuple[str, int]]:
        return [(model["name"], model["version"]) for model in json.loads(self("model", "list", "-o", "json").out)]


def person(folder: Path, name: str) -> Person:
    (folder / name).mkdir()
    return Person(folder / name)


@pytest.fixture
def anna(place: str, tmp_path: Path) -> Person:
    return person(tmp_path, "anna")


@pytest.fixture
def ben(place: str, tmp_path: Path) -> Person:
    return person(tmp_path, "ben")


def test_what_one_registers_is_there_for_the_other(anna: Person, ben: Person, place: str) -> None:
    assert anna("model", "list").code == 0 and anna.versions() == []
    assert anna.model("first", "--tag", "area=eu", "--description", "of Anna").out == "iris:1\n"
    assert ben.model("first", "--tag", "area=eu", "--description", "of Anna").out == "iris:1\n"  # the same, not another
    assert ben.model("second").out == "iris:2\n"
    assert anna.versions() == ben.versions() == [("iris", 1), ("iris", 2)]
    assert (
        anna("model", "download", "iris", "--overwrite").code == 0
        and (anna.folder / "model.txt").read_text() == "second"
    )
    assert "of Anna" in ben("model", "show", "iris:1").out

    (anna.folder / "requirements.txt").write_text("numpy==1.26.4\n")
    assert anna("env", "create", "tools", "--python", "3.11", "--requirements", "requirements.txt").out == "tools:1\n"
    assert json.loads(ben("env", "show", "tools", "-o", "json").out)["spec"]["requirements"] == ["numpy==1.26.4"]
    assert (
        person(ben.folder, "no-store")("model", "pull", f"{place}:models.iris.1", env={"LOCALMODEL_STORE": ""}).code
        == 0
    )


def test_changes_aliases_and_deletions_are_everybodys(anna: Person, ben: Person) -> None:
    for content in ("first", "second"):
        anna.model(content)
    assert ben("model", "update", "iris:1", "--tag", "stage=test").code == 0  # its content is not on his machine
    assert "stage=test" in anna("model", "show", "iris:1").out
    assert anna("model", "update", "iris:1", "--tag", "stage=live").code == 0
    assert "stage=live" in ben("model", "list").out
    assert ben("model", "alias", "iris:1", "champion").out == "iris@champion is iris:1\n"
    assert anna("model", "show", "iris@champion").out.splitlines()[1].split() == ["version:", "1"]
    assert ben("model", "alias", "iris:2", "champion").code == 0
    assert anna("model", "show", "iris@champion").out.splitlines()[1].split() == ["version:", "2"]

    assert ben("model", "delete", "iris:2").code == 0
    assert anna.versions() == [("iris", 1)]
    assert "no alias champion" in anna("model", "show", "iris@champion").err
    assert anna.model("third").out == "iris:3\n"  # 2 is never used again


def test_a_version_that_a_deployment_here_uses_outlives_its_deletion_elsewhere(anna: Person, ben: Person) -> None:
    anna.model("first")
    try:
        applied = ben.apply(READS_IRIS, models=[{"name": "iris", "version": 1}])
        assert applied.code == 0 and "iris:1, 2 kB downloaded" in applied.err + applied.out
        assert ben.ask().body == "first"
        assert anna("model", "delete", "iris:1").code == 0
        assert anna.versions() == [] and ben.versions() == [("iris", 1)]
        assert ben("plan", "-f", "digits.yaml").code == 0
    finally:
        ben.clean_up()
    assert ben.versions() == []


def test_a_number_is_given_once_to_all_who_register_at_the_same_time(anna: Person, ben: Person) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", ONE_WRITER, str(one.folder), "5"], stdout=subprocess.PIPE, text=True)
        for one in (anna, ben)
    ]
    numbers = [int(line) for writer in writers for line in writer.communicate(timeout=120)[0].splitlines()]
    assert len(numbers) == len(set(numbers)) == 10
    for one in (anna, ben):
        assert one.versions() == [("iris", number) for number in sorted(numbers)]
    for number in numbers:
        assert ben("model", "download", f"iris:{number}", "--overwrite").code == 0
    assert (ben.folder / "model.txt").read_text().endswith(" 4")


def test_what_has_come_stays_usable_while_the_registry_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    with oci_registry.serving(folder) as host:
        monkeypatch.setenv("LOCALMODEL_STORE", f"oci://{host}/store")
        anna, ben = person(tmp_path, "anna"), person(tmp_path, "ben")
        for content in ("first", "second"):
            anna.model(content)
        ben("model", "download", "iris:1")
    listed = ben("model", "list")
    assert listed.code == 0 and listed.out.count("iris") == 2
    assert f"{host} does not answer: " in listed.err and "seen until" in listed.err
    assert ben("model", "download", "iris:1", "--overwrite").code == 0
    lacking = ben("model", "download", "iris:2", "--overwrite")
    assert lacking.code == 1 and "the content of iris:2 is not on this machine" in lacking.err
    refused = ben.model("third")
    assert refused.code == 1 and f"(LOCALMODEL_STORE is oci://{host}/store)" in refused.err
    never = person(tmp_path, "carl")("model", "list")
    assert never.code == 1 and f"{host} does not answer" in never.err


def test_the_store_of_this_machine_stays_as_it_is(anna: Person, ben: Person) -> None:
    """Content is kept once for both, and garbage collection keeps what either names."""
    anna.model("shared")
    own = {"LOCALMODEL_STORE": ""}
    (ben.folder / "own.txt").write_text("own")
    assert ben("model", "register", "own.txt", "--name", "own", env=own).out == "own:1\n"
    assert ben.versions() == [("iris", 1)]
    ben("model", "download", "iris")
    for variables in ({}, own):
        assert ben("store", "gc", env=variables).out == "0 bytes freed\n"
        assert "the store is intact" in ben("store", "verify", env=variables).out
        assert "shared stores" in ben("store", "du", env=variables).out
    assert ben("model", "download", "own", "--overwrite", env=own).code == 0
    assert ben("model", "download", "iris", "--overwrite").code == 0


def test_a_repository_of_something_else_is_no_store(
    anna: Person, registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.txt").write_text("x")
    monkeypatch.setenv("LOCALMODEL_STORE", "")
    store = Store(tmp_path / "own" / "store")
    store.push(store.models.register("ridge", tmp_path / "model.txt"), f"{registry}/images/app:v1")
    monkeypatch.setenv("LOCALMODEL_STORE", f"oci://{registry}/images/app")
    for refused in (anna.model("first"), anna("model", "list")):
        assert refused.code == 1
        assert f"oci://{registry}/images/app holds something else (v1, v1.record)" in refused.err
    for wrong in ("http://localhost:5000/store", f"oci://{registry}", f"oci://{registry}/store:v1", "oci://host/Store"):
        assert "write oci://HOST/PATH" in anna("model", "list", env={"LOCALMODEL_STORE": wrong}).err


def test_credentials_are_dockers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, docker = tmp_path / "registry", tmp_path / "docker"
    folder.mkdir()
    docker.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(docker))
    with oci_registry.serving(folder, login=True) as host:
        monkeypatch.setenv("LOCALMODEL_STORE", f"oci://{host}/store")
        anna = person(tmp_path, "anna")
        refused = anna.model("first")
        assert refused.code == 1 and f"docker login {host}" in refused.err
        login = base64.b64encode(f"{oci_registry.USER}:{oci_registry.PASSWORD}".encode()).decode()
        (docker / "config.json").write_text(json.dumps({"auths": {host: {"auth": login}}}))
        assert anna.model("first").out == "iris:1\n"
        assert f"ok   shared store: oci://{host}/store answers" in anna("doctor").out


async def test_a_manifest_cannot_use_the_operators_credentials_for_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, docker, file = tmp_path / "registry", tmp_path / "docker", tmp_path / "model.txt"
    folder.mkdir()
    docker.mkdir()
    file.write_text("private")
    monkeypatch.setenv("DOCKER_CONFIG", str(docker))
    with oci_registry.serving(folder, login=True) as host:
        login = base64.b64encode(f"{oci_registry.USER}:{oci_registry.PASSWORD}".encode()).decode()
        (docker / "config.json").write_text(json.dumps({"auths": {host: {"auth": login}}}))
        own = Store(tmp_path / "own" / "store")
        own.push(own.models.register("private", file), f"{host}/private:1")

        monkeypatch.setenv("LOCALMODEL_STORE", f"oci://{host}/store")
        request = Request(str(tmp_path / "operator" / "store"), "word", f"oci://{host}/private:1", "", {})
        with pytest.raises(UserError, match=f"docker login {host}"):
            await in_a_process(request, lambda done, total: None)
        of_the_manifest = {"username": oci_registry.USER, "password": oci_registry.PASSWORD}
        allowed = replace(request, credentials=of_the_manifest)
        assert await in_a_process(allowed, lambda done, total: None) == 1
        assert [model.name for model in Store(tmp_path / "other" / "store").models.list()] == ["word"]


async def test_an_operator_serves_what_a_person_registers(
    anna: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim = Simulation(tmp_path / "operator", monkeypatch)
    anna.model("first")
    sim.serve("hello", models=[{"name": "iris", "version": 2}])
    await sim.settle()
    assert sim.condition("Ready")["reason"] == "VersionNotFound"
    anna.model("second")
    sim.look_again()
    await sim.settle()
    assert sim.condition("Ready")["status"] == "True" and sim.answer() == "hello" and not sim.wrong()
    (model,) = sim.owner()["status"]["models"]
    assert (model["name"], model["version"]) == ("iris", 2)
    assert "iris:2 of the shared store is being fetched" in json.dumps([resource for _, resource in sim.api.history])
    with sim.store.model_files(sim.store.models.get("iris", 2)) as file:
        assert file.read_text() == "second"


def test_what_the_operator_takes_in_is_there_for_a_person(anna: Person, tmp_path: Path, place: str) -> None:
    store = Store(tmp_path / "operator" / "store")
    spec = EnvironmentSpec("3.11", ("numpy==1.26.4",))
    store.environments.register("tools", spec)
    code = store.code.register("score", {"score.py": b"x = 1"}, "score.py")
    assert anna("env", "list").out.count("tools") == 1
    assert Store(anna.home / "store").code.files(code) == {"score.py": b"x = 1"}


def test_many_versions_are_listed_with_one_request_once_they_were_seen(
    anna: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from localmodel.oci.registry import Repository

    store = Store(anna.home / "store")
    for number in range(12):
        (tmp_path / "model.txt").write_text(str(number))
        store.models.register("iris", tmp_path / "model.txt")
    asked, ask = list[str](), Repository._ask

    def counted(self: Repository, method: str, path: str, **options: object) -> object:
        asked.append(path)
        return ask(self, method, path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Repository, "_ask", counted)
    other = Store(tmp_path / "other" / "store")
    assert len(other.models.list()) == 12
    assert len(asked) == 13  # the list of tags, and the record of each version
    asked.clear()
    assert len(other.models.list()) == 12 and asked == ["tags/list"]


def test_a_record_that_cannot_be_read_hides_no_other(anna: Person, ben: Person, place: str) -> None:
    from localmodel.oci.registry import Repository

    anna.model("first")
    with Repository(f"{place}:x", False) as repository:
        manifest = repository.manifest("models.iris.1") or b""
        repository.put("models.iris.2", manifest)
        repository.put("models.iris.2.record", manifest)  # somebody's mistake
    assert ben.versions() == [("iris", 1)]
    assert "models.iris.2.record is left out" in ben("model", "list").err
    assert anna.model("second").out == "iris:3\n"
    with pytest.raises(UserError, match="has no version 2"):
        Store(ben.home / "store").models.get("iris", 2)
    assert os.listdir(ben.home / "store" / "shared")  # noqa: PTH208
