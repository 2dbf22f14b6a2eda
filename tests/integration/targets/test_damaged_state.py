"""Files that this product keeps and that somebody, or a crash, has damaged: named, and nothing else is lost."""

import asyncio
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from click.testing import CliRunner, Result

from localmodel import AsyncClient
from localmodel.azure import _background
from localmodel.azureml_files import document
from localmodel.cli import main
from localmodel.disk import files, state_file
from localmodel.doctor import kept
from localmodel.environments.formats import conda
from localmodel.environments.locks import lock, own_wheels, previous_locks
from localmodel.errors import UserError
from localmodel.requirements import sources
from localmodel.resource import manifest
from localmodel.resource.manifest import Manifests
from localmodel.resource.spec import EnvironmentSpec
from localmodel.sdk.connections import Connections
from localmodel.sdk.deployment import Deployment
from localmodel.store import Store, store_id
from localmodel.store.sharing import sharing
from localmodel.targets.machine import state
from localmodel.targets.machine.state import RevisionRecord, ServerRecord, State
from localmodel.targets.target import Target
from localmodel.updates.plan import Facts
from localmodel.updates.revision import Revision

DEEP = b"[" * 200_000


def text(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def changed(**fields: object) -> Callable[[Path], object]:
    return lambda path: path.write_text(json.dumps({**json.loads(path.read_bytes()), **fields}))


def instead(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


DAMAGE = {
    "empty": text(b""),
    "half": text(b"{"),
    "list": text(b"[]"),
    "null": text(b"null"),
    "other": text(b'{"x":1}'),
    "FF": text(b"\xff"),
    "deep": text(DEEP),
    "infinite": text(b'{"id":1e400,"now":1e400,"revision":1e400,"environment":{"LOCALMODEL_REVISION":1e400}}'),
    "surrogate": text(b'{"id":"\\ud800","now":"\\ud800","revision":"\\ud800","environment":"\\ud800"}'),
    "folder": instead(lambda path: path.mkdir()),
    "fifo": instead(os.mkfifo),
    "dangling": instead(lambda path: path.symlink_to("nowhere")),
}
FILES = (
    "server.json",
    "status.json",
    "revision.json",
    "applied.json",
    "inputs.json",
    "rollback.json",
    "served.json",
    "newest.json",
    "build",
    "server-candidate.json",
    "revisions/1/record.json",
)
RECORD = RevisionRecord(
    1, Revision("a", "b", "c", "d", "e"), "created", "now", {"LOCALMODEL_REVISION": "1"}, "0" * 32, "process", "code"
)


def deployment(home: Path, name: str) -> State:
    """What a deployment leaves whose server has ended."""
    place = State(home / "deployments", name)
    place.keep(RECORD)
    place.set_applied(Manifests({"metadata": {"name": name}, "spec": {}}, {"code": {"score.py": b"1"}}))
    place.main.want(RECORD)
    place.main.set_server(ServerRecord("4194305", 7460, 7460, ""))
    place.candidate.set_server(ServerRecord("4194305", 7460, 7460, ""))
    status = {"serving": "1", "wanted": "1", "error": None, "reason": None, "traceback": None}
    place.main.status_file.write_text(json.dumps(status))
    place.set_inputs(Facts(python="3.11"))
    place.set_rolled_back(1)
    place.set_served(RECORD)
    place.set_newest(1)
    place.set_build("0" * 32)
    return place


def lmd(home: Path, *arguments: str) -> Result:
    """A command, in this process; its errors are for the user."""
    result = CliRunner().invoke(main, arguments, env={"LOCALMODEL_HOME": str(home), "LOCALMODEL_TARGET": "process"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_a_deployment(tmp_path: Path, name: str) -> None:
    """It is named and made anew, whatever is in its place; a record of a revision is left out."""
    place, path = deployment(tmp_path, "bb"), tmp_path / "deployments" / "bb" / name
    is_record = name.startswith("revisions")
    for damage in DAMAGE:
        if (name, damage) == ("inputs.json", "other"):  # another version's: they only have other fields
            continue
        state._remove(path)
        path.write_text("")
        DAMAGE[damage](path)
        (error,) = place.mend()
        assert error.reason == state_file.DAMAGED and str(error).startswith(f"{path} is damaged ("), damage
        assert len(list(place.mend())) == is_record
        assert os.path.lexists(path) == is_record
        assert place.numbers() == [1] and place.known(1) == (None if is_record else RECORD)


@pytest.mark.parametrize("name", ["server.json", "revisions/1/record.json"])
@pytest.mark.parametrize("damage", ["null", "FF", "fifo"])
def test_commands_on_a_damaged_deployment(tmp_path: Path, name: str, damage: str) -> None:
    place, path = deployment(tmp_path, "bb"), tmp_path / "deployments" / "bb" / name
    deployment(tmp_path, "aa")
    DAMAGE[damage](path)
    history = lmd(tmp_path, "history", "bb")
    assert (history.exit_code, str(path) in history.stderr) == ((1, True) if "record" in name else (0, False))
    assert lmd(tmp_path, "delete", "bb").output == "bb: deleted\n"
    assert not place.root.exists()


def test_a_list_goes_on_and_scripts_notice(tmp_path: Path) -> None:
    for name in ("aa", "bb", "cc"):
        deployment(tmp_path, name)
    (tmp_path / "deployments" / "bb" / "server.json").write_text("null")
    shown = lmd(tmp_path, "status", "-o", "json")
    assert [each["damaged"] for each in json.loads(shown.stdout)] == [False, True, False]
    assert shown.exit_code == 1 and "bb/server.json is damaged (it is not an object)" in shown.stderr


@pytest.mark.parametrize("name", ["server.json", "applied.json", "revisions/1/record.json", "served.json"])
def test_what_a_later_version_has_written_stays(tmp_path: Path, name: str) -> None:
    place, path = deployment(tmp_path, "bb"), tmp_path / "deployments" / "bb" / name
    if name == "applied.json":
        name, path = "inputs.json", path.with_name("server.json")
    changed(of_tomorrow=1)(path)
    before = path.read_bytes()
    said = "".join(map(str, place.mend())) if name.startswith("revisions") else str(raised(lambda: list(place.mend())))
    assert "was written by a later version of localmodel (it has the field of_tomorrow)" in said
    assert path.read_bytes() == before


def raised(action: Callable[[], object]) -> UserError:
    with pytest.raises(UserError) as error:
        action()
    return error.value


def test_a_server_record_with_numbers_that_are_none(tmp_path: Path) -> None:
    place = deployment(tmp_path, "bb")
    path = place.root / "server.json"
    for fields in ({"id": 5}, {"port": "7460"}, {"port": 1 << 70}, {"port": 0}):
        place.main.set_server(ServerRecord("4194305", 7460, 7460, ""))
        changed(**fields)(path)
        assert "server.json is damaged" in lmd(tmp_path, "status").output, fields
    for identity in ("abc", "", "-1", "9" * 50):
        place.main.set_server(ServerRecord(identity, 7460, 7460, ""))
        assert "the server is not running" in lmd(tmp_path, "status").output, identity


def test_a_deployment_is_there_as_long_as_any_trace_of_it_is(tmp_path: Path) -> None:
    place = deployment(tmp_path, "bb")
    (place.root / "applied.json").unlink()
    assert "bb" in lmd(tmp_path, "status").output
    with place.turn():
        pass  # an apply of which nothing came
    assert place.root.exists()
    assert lmd(tmp_path, "delete", "bb").exit_code == 0 and not place.root.exists()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A store with two models; a deployment uses the first."""
    store = Store(tmp_path / "home" / "store")
    for name in ("used", "other"):
        (tmp_path / "m.bin").write_text(name)
        store.models.register(name, tmp_path / "m.bin")
    place = deployment(tmp_path / "home", "bb")
    place.keep(
        RevisionRecord(**{**vars(RECORD), "environment": {"LOCALMODEL_REVISION": "1", "LOCALMODEL_MODEL": "used:1@x"}})
    )
    return tmp_path / "home"


STORE_DAMAGE = {
    **{name: DAMAGE[name] for name in DAMAGE},
    "number as text": changed(version="1"),
    "another's name": changed(name="else"),
    "a path for a digest": changed(digest="sha256:../../../etc/passwd"),
    "later": changed(of_tomorrow=1),
}


def test_a_record_of_the_store(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are listed, and nothing is taken for garbage that it may have named."""
    monkeypatch.setenv("LOCALMODEL_HOME", str(home))
    store, path = Store(home / "store"), home / "store" / "models" / "used" / "1.json"
    blobs, record = store.layout.blobs(), path.read_bytes()
    for damage, make in STORE_DAMAGE.items():
        state._remove(path)
        path.write_bytes(record)
        make(path)
        assert [model.name for model in store.models.list()] == ["other"], damage
        assert str(path) in str(raised(store.collect_garbage))
        assert store.layout.blobs() == blobs
        assert [str(path) in problem.message for problem in store.verify()] == [True]
        assert str(path) in kept.LOOKS[1]()[0].found
        assert str(path) in str(raised(lambda: store.models.get("used")))


def test_commands_on_a_damaged_record_of_the_store(home: Path) -> None:
    path = home / "store" / "models" / "used" / "1.json"
    path.write_text("null")
    listed = lmd(home, "model", "list", "-o", "json")
    assert listed.exit_code == 1 and f"error: {path} is damaged (it is not an object)" in listed.stderr
    assert [each["name"] for each in json.loads(listed.stdout)] == ["other"]
    assert lmd(home, "store", "gc").exit_code == 1
    shutil.rmtree(home / "deployments")
    assert lmd(home, "model", "delete", "used:1").exit_code == 0
    assert lmd(home, "store", "gc").exit_code == 0
    (home / "m.bin").write_text("again")
    assert lmd(home, "model", "register", str(home / "m.bin"), "--name", "used").output == "used:2\n"


def test_what_uses_a_model_is_not_known(home: Path) -> None:
    """Nothing that a damaged record may use is deleted; what is listed leaves it out."""
    path, store = home / "deployments" / "bb" / "revisions" / "1" / "record.json", Store(home / "store")
    for damage, make in DAMAGE.items():
        state._remove(path)
        path.write_text("")
        make(path)
        assert str(path) in str(raised(lambda: store.models.delete("other", 1))), damage
        assert store.models.uses("used", 1) == ()
    shown = lmd(home, "model", "show", "used")
    assert shown.exit_code == 1 and "name:        used" in shown.stdout and str(path) in shown.stderr


@pytest.mark.parametrize("damage", ["folder of nowhere", "file"])
def test_models_that_are_not_where_they_were(home: Path, damage: str) -> None:
    """A link to a disk that is not there today: what lies on it is not garbage."""
    store, models = Store(home / "store"), home / "store" / "models"
    blobs = store.layout.blobs()
    shutil.rmtree(models)
    models.symlink_to("/nowhere/models") if damage.startswith("folder") else models.write_text("")
    collected = lmd(home, "store", "gc")
    assert collected.exit_code == 1 and f"{models} is damaged" in collected.stderr
    assert store.layout.blobs() == blobs


@pytest.mark.parametrize("damage", ["empty", "list", "FF", "deep", "folder"])
def test_aliases(home: Path, damage: str) -> None:
    lmd(home, "model", "alias", "used:1", "champion")
    path = home / "store" / "models" / "used" / "aliases"
    DAMAGE[damage](path)
    assert str(path) in lmd(home, "model", "show", "used@champion").stderr
    listed = lmd(home, "model", "list")
    assert (listed.exit_code, str(path) in listed.stderr, "used" in listed.stdout) == (1, True, True)


def test_a_file_that_may_not_be_read(home: Path) -> None:
    path = home / "store" / "models" / "used" / "1.json"
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("left out, a file that may not be read: root may read every file")
    assert "Permission denied" in lmd(home, "model", "list").stderr
    path.chmod(stat.S_IRUSR)


@pytest.mark.parametrize("damage", ["empty", "list", "FF", "deep", "other"])
def test_small_files_beside_the_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    """A hint is done without; what cannot be done without is named."""
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path))
    DAMAGE[damage](tmp_path / "note.json")
    assert previous_locks.own(tmp_path, "3.11", "linux", ["sha256:0"], str) == []
    work = _background.Work("digits")
    work.folder.mkdir(parents=True)
    DAMAGE[damage](work.folder / "outcome")
    outcome = work.outcome()
    assert outcome and str(work.folder / "outcome") in outcome.error
    DAMAGE[damage](tmp_path / "id")
    assert f"{tmp_path / 'id'} is damaged" in str(raised(lambda: store_id.of(tmp_path)))


@pytest.mark.parametrize("damage", [name for name in DAMAGE if name != "dangling"])
def test_a_lock_of_an_environment(tmp_path: Path, damage: str) -> None:
    """It is named, also where it has lost a package; nothing is made of less than was asked for."""
    spec = EnvironmentSpec("3.11", ("six==1.17.0",))
    path = tmp_path / f"{lock.key(spec, None).removeprefix('sha256:')}.txt"
    path.write_text("six==1.17.0 --hash=sha256:" + "0" * 64 + "\n")
    found = asyncio.run(lock.resolve(spec, None, tmp_path))
    assert found.counted == "1 package"
    previous_locks.remember(path, "3.11", lock._target(None), spec.requirements, found.digest)
    DAMAGE[damage](path)
    for own in ((), (found.digest,)):
        assert str(path) in str(raised(lambda own=own: asyncio.run(lock.resolve(spec, None, tmp_path, own=own))))
    (made,) = previous_locks.own(tmp_path, "3.11", lock._target(None), [found.digest], str)
    question = lock._Question(EnvironmentSpec("3.11", ("six==1.17.0", "idna")), (), None, None, None)
    before = asyncio.run(lock._before(question, made, tmp_path))
    assert before is None or (damage == "empty" and before.lock == "")


def test_what_is_remembered_of_wheels_is_read_again_where_it_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path))
    (tmp_path / "packages.toml").write_text('find-links = ["."]\n')
    (tmp_path / "six-1.0-py3-none-any.whl").write_bytes(b"")
    for damage in ("empty", "list", "FF", "deep", "other"):
        DAMAGE[damage](tmp_path / "wheels")
        for _ in range(2):
            found = own_wheels.changed("six==1.0 --hash=sha256:00\n", "3.11", ["any"], tmp_path / "wheels")
            assert found == {"six": "six-1.0-py3-none-any.whl"}
        DAMAGE["empty"](tmp_path / "wheels")


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_something_else_in_a_lock_files_place(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """It is named, and nobody waits for it."""
    place = deployment(tmp_path, "bb")
    make(place.root / "lock")
    for command in (("status",), ("delete", "bb")):
        assert f"{place.root / 'lock'} is damaged (" in lmd(tmp_path, *command).output, command
    make(tmp_path / "other")
    for hold in (files.alone, files.together, files.locked):
        assert f"{tmp_path / 'other'} is damaged" in str(raised(lambda hold=hold: hold(tmp_path / "other").__enter__()))


@pytest.mark.parametrize("damage", ["half", "FF", "deep", "list", "folder", "fifo", "dangling"])
def test_the_sources_of_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path))
    path = tmp_path / "packages.toml"
    path.write_text("")
    assert sources.read() == sources.Sources()
    {**DAMAGE, "deep": text(b"a = " + DEEP)}[damage](path)
    error = raised(sources.read)
    assert error.reason == "PackageSourcesInvalid" and str(error).startswith(f"{path}: ")


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_content_of_code(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path)
    code = store.code.register("code", {"score.py": b"1"}, "score.py")
    DAMAGE[damage](store.layout.path(code.digest))
    for error in (raised(lambda: store.code.files(code)), raised(lambda: sharing.pack(store.layout, code))):
        assert "code:1: " in str(error) or str(store.layout.path(code.digest)) in str(error)


@pytest.mark.parametrize("put", ["a file", "below a file", "a pipe"])
def test_a_home_that_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, put: str) -> None:
    """A message, also of what is only made when it is asked for, and of what runs on an event loop."""
    (tmp_path / "home").write_text("") if put != "a pipe" else os.mkfifo(tmp_path / "home")
    home = tmp_path / "home" / "x" if put == "below a file" else tmp_path / "home"
    for command in ("status", "store gc", "history x", "env list", "model register . --name m", "debug x"):
        assert f"{home}" in lmd(home, *command.split()).stderr, command
    monkeypatch.setenv("LOCALMODEL_HOME", str(home))
    there = Deployment("x", cast(Target, SimpleNamespace(logs=lambda *_: map_of(home))), Connections())
    assert raised(lambda: list(there.follow())).reason == "HomeUnusable"

    async def listed() -> None:
        async with AsyncClient("process") as client:
            await client.list()

    assert raised(lambda: asyncio.run(listed())).reason == "HomeUnusable"


def map_of(home: Path) -> Iterator[str]:
    """A log that is opened when its first piece is wanted."""
    yield (home / "log").read_text()


def test_homes_that_are_named_oddly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name, there in (("", tmp_path / ".localmodel"), ("some/where", tmp_path / "some" / "where")):
        (tmp_path / "m.bin").write_text("m")
        result = CliRunner().invoke(main, ["model", "register", "m.bin", "--name", "m"], env={"LOCALMODEL_HOME": name})
        assert result.output == "m:1\n" and (there / "store" / "models" / "m" / "1.json").is_file()


@pytest.mark.parametrize("damage", ["FF", "deep", "folder", "fifo", "dangling"])
def test_files_of_the_user(tmp_path: Path, damage: str) -> None:
    """They are named, and not waited for."""
    path = tmp_path / "given.yaml"
    path.write_bytes(b"")
    DAMAGE[damage](path)
    for read in (manifest.read, document.read, conda.read):
        assert str(path) in str(raised(lambda read=read: read(path)))
