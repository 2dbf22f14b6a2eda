"""A manifest's requirements may come from anybody: nothing of this machine is read, run or sent for them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.bad_requirements import BAD, SECRET, filled_in
from support.lmd_command import PYTHON, Lmd, script
from support.package_index import make_sdist, make_wheel, serving

from localmodel import run_coroutine
from localmodel.cli import main
from localmodel.environments.layers import packages
from localmodel.environments.layers.packages import Kind
from localmodel.environments.locks import lock as locks
from localmodel.environments.locks.no_wheel import NotBuiltError
from localmodel.environments.venvs import venv
from localmodel.errors import UserError
from localmodel.oci.layout import Layout
from localmodel.resource.spec import DeploymentSpec, EnvironmentSpec, Source
from localmodel.store import Store
from localmodel_operator.inputs import resolve

METADATA = "Metadata-Version: 2.1\nName: {0}\nVersion: 1.0\nRequires-Dist: {1}\n"
UNSEEN = {"UV_HTTP_RETRIES": "0", "LMD_TEST_SECRET": SECRET}


class Place:
    """A folder with an index that is not asked, and files that are not read."""

    def __init__(self, root: Path, url: str, asked: list[str]) -> None:
        self.root, self.url, self.asked = root, url, asked
        self.ran, self.packages = root / "ran", root / "packages"

    def bad(self, what: str) -> str:
        return filled_in(BAD[what], self.url, str(self.root / "secret.txt"), str(self.root / "folder"))

    def untouched(self, said: str) -> bool:
        return not self.ran.exists() and self.asked == [] and SECRET not in said and "/root" not in said


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    asked: list[str] = []
    with serving(tmp_path / "packages", asked=asked) as index:
        found = Place(tmp_path, index.removesuffix("/simple"), asked)
        make_sdist(found.packages, "evil", "1.0", found.ran)
        make_wheel(found.packages, "six", "1.17.0")
        (tmp_path / "secret.txt").write_text(f"db_password = {SECRET}\n")
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "setup.py").write_text(f"open({str(found.ran)!r}, 'w')\n")
        (tmp_path / "home").mkdir(exist_ok=True)
        for name, value in {**UNSEEN, "LOCALMODEL_HOME": str(tmp_path / "home")}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
        yield found


def use(place: Place) -> None:
    """Have packages come from the folder only."""
    text = f"no-index = true\nfind-links = ['{place.packages}']\n"
    (place.root / "home" / "packages.toml").write_text(text)


async def by_the_operator(place: Place, *requirements: str, python: str = "3.11") -> str:
    """The lock for amd64 nodes, as the operator resolves it."""
    spec = DeploymentSpec("score.py", Source(inline={}), environment=EnvironmentSpec(python, requirements))
    return (await resolve.lock(Store(place.root / "store"), spec, "amd64")).text


@pytest.mark.parametrize("what", BAD)
async def test_the_operator_touches_nothing(place: Place, what: str) -> None:
    with pytest.raises(UserError, match=r"spec\.environment\.requirements\[1\]") as error:
        await by_the_operator(place, "six", place.bad(what))
    assert error.value.reason == "RequirementsUnresolvable"
    assert place.untouched(str(error.value))


def command(*arguments: str | Path) -> str:
    """What a command says that fails; in this process, which is faster."""
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    return result.output


def test_commands_touch_nothing(lmd: Lmd, place: Place) -> None:
    """In one manifest, because each is named by its number."""
    requirements = [place.bad(what) for what in BAD if BAD[what]]
    path = lmd.manifest(script("1"), environment={"python": PYTHON, "requirements": requirements})
    (lmd.folder / "x.py").write_text("")
    for name, *more in (["apply"], ["plan"], ["try", lmd.folder / "x.py"], ["run", lmd.folder / "x.py"]):
        said = command(name, "-f", path, *more)
        assert place.untouched(said)
        assert all(f"spec.environment.requirements[{index}]: " in said for index in range(len(requirements)))


async def test_a_source_is_not_built_for_a_node(place: Place) -> None:
    use(place)
    with pytest.raises(UserError) as error:
        await by_the_operator(place, "evil==1.0")
    assert error.value.reason == "WheelMissing"
    said = str(error.value)
    assert said.startswith("spec.environment.requirements: evil 1.0 has no wheel for Python 3.11 on linux/amd64, ")
    for way in ("another version", "find-links", "lmd env create --dockerfile", "target process"):
        assert way in said
    assert not place.ran.exists()


async def test_a_source_that_another_builds_is_locked_for_whoever_has_its_wheel(place: Place) -> None:
    use(place)
    spec = DeploymentSpec("score.py", Source(inline={}), environment=EnvironmentSpec("3.11", ("six", "evil>=1")))
    store, ours, theirs = Store(place.root / "store"), place.root / "ours", place.root / "theirs"
    with pytest.raises(NotBuiltError) as needed:
        await resolve.lock(store, spec, "amd64", built_wheels=ours)
    assert needed.value.requirement == "evil>=1" and "evil 1.0 has no wheel" in str(needed.value.error)
    built = make_wheel(ours, "evil", "1.0")
    lock = await resolve.lock(store, spec, "amd64", built_wheels=ours)
    assert built in lock.text and lock == await resolve.lock(store, spec, "amd64", built_wheels=ours)
    for folder in (theirs, None):
        with pytest.raises((NotBuiltError, UserError)):
            await resolve.lock(store, spec, "amd64", built_wheels=folder)
    layers = await packages.of_lock(lock, Kind("3.11", "amd64"), Layout(place.root / "layout"), lambda _: None)
    assert set(layers) == {"evil", "six"} and not place.ran.exists()
    shutil.rmtree(ours)
    with pytest.raises(NotBuiltError):
        await resolve.lock(store, spec, "amd64", built_wheels=ours)


async def test_a_source_with_a_demanded_hash_is_not_left_to_another(place: Place) -> None:
    use(place)
    demanded = EnvironmentSpec("3.11", (f"evil==1.0 --hash=sha256:{'0' * 64}",))
    spec = DeploymentSpec("score.py", Source(inline={}), environment=demanded)
    with pytest.raises(UserError, match="leave out its --hash") as error:
        await resolve.lock(Store(place.root / "store"), spec, "amd64", built_wheels=place.root / "ours")
    assert error.value.reason == "WheelMissing"


async def test_the_pythons_that_have_a_wheel_are_named(place: Place) -> None:
    use(place)
    make_sdist(place.packages, "fast", "2.0", place.ran)
    make_wheel(place.packages, "fast", "2.0", tag="cp39-cp39-manylinux_2_17_x86_64")
    make_wheel(place.packages, "fast", "2.0", tag="cp312-cp312-manylinux_2_17_x86_64")
    make_wheel(place.packages, "fast", "2.0", tag="cp313-cp313-macosx_11_0_arm64")
    with pytest.raises(UserError, match=r"fast 2\.0 has no wheel for Python 3\.11") as error:
        await by_the_operator(place, "six", "fast==2.0")
    assert "(it has one for Python 3.9, 3.12)" in str(error.value)
    assert (await by_the_operator(place, "fast==2.0", python="3.12")).startswith("fast==2.0 ")
    assert not place.ran.exists()


async def test_an_older_version_with_a_wheel_will_do(place: Place) -> None:
    use(place)
    make_sdist(place.packages, "six", "2.0", place.ran)
    assert (await by_the_operator(place, "six")).startswith("six==1.17.0 ")


@pytest.mark.parametrize(
    "needed",
    ["x @ git+ssh://127.0.0.1:9/x", "six @ file://{0}/six-1.17.0-py3-none-any.whl", "evil @ file://{0}/folder"],
)
async def test_a_wheel_at_an_address_brings_nothing_of_this_machine(place: Place, needed: str) -> None:
    metadata = METADATA.format("host", needed.format(place.packages))
    make_wheel(place.packages, "host", "1.0", {"host-1.0.dist-info/METADATA": metadata})
    with pytest.raises(UserError, match=r"needs .* from an address, too") as error:
        await by_the_operator(place, f"host @ {place.url}/files/host-1.0-py3-none-any.whl")
    assert str(place.root) not in str(error.value) and not place.ran.exists()


async def test_a_wheel_at_an_address_is_locked_with_its_hash(place: Place) -> None:
    address = f"{place.url}/files/six-1.17.0-py3-none-any.whl"
    lock = await by_the_operator(place, f"six @ {address}")
    assert lock.startswith(f"six @ {address} \\\n    --hash=sha256:")
    assert await by_the_operator(place, f"six @ {address}") == lock


async def test_the_callers_configuration_does_not_overrule_packages_toml(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(place)
    here = place.root / "here"
    here.mkdir()
    (here / "uv.toml").write_text(f'index-url = "{place.url}/simple"\nno-index = false\n')
    (here / "pyproject.toml").write_text(f'[tool.uv]\nindex-url = "{place.url}/simple"\n')
    monkeypatch.chdir(here)
    monkeypatch.setenv("UV_CONFIG_FILE", str(here / "uv.toml"))
    monkeypatch.setenv("UV_OVERRIDE", str(place.root / "secret.txt"))
    monkeypatch.setenv("UV_EXTRA_INDEX_URL", f"{place.url}/simple")
    assert (await by_the_operator(place, "six")).startswith("six==1.17.0 ")
    assert place.asked == []


async def test_a_project_where_the_command_runs_says_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    here = place.root / "here"
    here.mkdir()
    (here / "uv.toml").write_text("no-index = true\n")
    monkeypatch.chdir(here)
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{place.url}/simple")  # the user's own, where packages.toml says nothing
    assert (await by_the_operator(place, "six")).startswith("six==1.17.0 ")
    assert place.asked[0] == "/simple/six/"


def test_on_the_process_target_a_build_is_told(lmd: Lmd, place: Place) -> None:
    (lmd.home / "packages.toml").write_text(f"no-index = true\nfind-links = ['{place.packages}']\n")
    result = lmd.apply(script("1"), environment={"python": PYTHON, "requirements": ["evil==1.0", "six"]})
    assert result.code == 0 and place.ran.exists()
    assert "evil==1.0 has no wheel: building it from source runs its code on this machine" in result.err
    assert "six" not in "".join(line for line in result.err.splitlines() if "has no wheel" in line)
    assert lmd.ask().body == 1


def test_nobody_to_tell_and_nothing_is_built(place: Place) -> None:
    use(place)
    with pytest.raises(UserError, match=r"evil 1\.0 has no wheel for Python 3\.\d+ on this machine"):
        run_coroutine.run(locks.resolve(EnvironmentSpec(PYTHON, ("evil==1.0",)), None, place.root / "locks"))
    notes: list[str] = []
    found = run_coroutine.run(
        locks.resolve(EnvironmentSpec(PYTHON, ("evil==1.0",)), None, place.root / "locks", notes.append)
    )
    assert len(notes) == 1 and place.ran.exists()
    place.ran.unlink()
    shutil.rmtree(place.root / "uv-cache")
    with pytest.raises(UserError, match=r"evil 1\.0 has no wheel") as error:
        run_coroutine.run(venv.build(found, PYTHON, place.root / "environments"))
    assert error.value.reason == "WheelMissing" and not place.ran.exists()


def resolved_here(place: Place, *requirements: str) -> tuple[list[str], str]:
    """The notes, each with whether code had run by then, and the lock or what is wrong."""
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(f"{text.partition(':')[0]}, ran: {place.ran.exists()}")

    try:
        lock = run_coroutine.run(locks.resolve(EnvironmentSpec("3.11", requirements), None, place.root / "locks", note))
    except UserError as error:
        return notes, str(error)
    return notes, lock.text


def test_each_package_is_named_before_it_is_built(place: Place) -> None:
    use(place)
    make_sdist(place.packages, "needed", "1.0", place.root / "needed-ran")
    metadata = METADATA.format("host", "needed\nRequires-Dist: evil==1.0")
    make_wheel(place.packages, "host", "1.0", {"host-1.0.dist-info/METADATA": metadata})
    make_sdist(place.packages, "unwanted", "1.0", place.root / "unwanted-ran")
    make_wheel(place.packages, "unwanted", "0.9")
    notes, lock = resolved_here(place, "host", "unwanted")
    assert "evil==1.0 has no wheel, ran: False" in notes and len(notes) == 2
    assert any(note.startswith("needed") for note in notes)
    assert "needed==1.0" in lock and "unwanted==0.9" in lock and not (place.root / "unwanted-ran").exists()


@pytest.mark.parametrize("needed", ["evil @ file://{0}/evil-1.0.tar.gz", "evil @ file://{0}/folder", "evil @ {1}"])
def test_what_nobody_asked_for_at_an_address_is_not_built(place: Place, needed: str) -> None:
    """Not even where a package of its name may be built."""
    needed = needed.format(place.packages, f"{place.url}/files/evil-1.0.tar.gz")
    shutil.copytree(place.root / "folder", place.packages / "folder")
    make_sdist(place.packages, "other", "1.0", place.ran)
    make_wheel(place.packages, "host", "1.0", {"host-1.0.dist-info/METADATA": METADATA.format("host", needed)})
    host = f"host @ {place.url}/files/host-1.0-py3-none-any.whl"
    for requirements in ([host], [host, "evil==1.0", "other"]):
        notes, said = resolved_here(place, *requirements)
        assert notes == [] and not place.ran.exists()
        assert "needs evil from an address, too" in said and str(place.root) not in said


async def test_a_kept_lock_that_is_no_lock_is_not_installed(place: Place) -> None:
    use(place)
    await by_the_operator(place, "six")
    (kept,) = (place.root / "store" / "locks").glob("*.txt")
    kept.write_text(f"--index-url {place.url}/simple\n" + kept.read_text())
    with pytest.raises(UserError, match="--index-url") as error:
        await by_the_operator(place, "six")
    assert str(kept) in str(error.value) and place.asked == []


def test_a_stored_environment_is_named(lmd: Lmd, place: Place) -> None:
    store = Store(lmd.home / "store")
    store.environments.register("theirs", EnvironmentSpec(PYTHON, ("six", place.bad("a repository"))))
    (lmd.folder / "x.py").write_text("")
    path = lmd.manifest(script("1"), environment={"ref": {"name": "theirs", "version": 1}})
    for arguments in (
        ["apply", "-f", path],
        ["env", "show", "theirs"],
        ["env", "build", "theirs"],
        ["run", "--env", "theirs", lmd.folder / "x.py"],
    ):
        said = command(*arguments)
        assert place.untouched(said) and "environment theirs:1.requirements[1]: " in said
