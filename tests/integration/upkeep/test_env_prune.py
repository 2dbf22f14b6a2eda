"""What of installed environments goes with lmd env prune, and what stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.lmd_command import LMD, PYTHON, Lmd, script
from support.package_index import make_wheel

from localmodel.cli import main
from localmodel.environments.venvs import held
from localmodel.errors import UserError
from localmodel.upkeep import environments

HOLD = "import sys; from pathlib import Path; from localmodel.environments.venvs import held; "


@pytest.fixture
def lmd(lmd: Lmd) -> Lmd:
    """With environments of its own, and two packages to make them of."""
    wheels = lmd.folder / "wheels"
    for name in ("ours", "theirs"):
        make_wheel(wheels, name, "1.0", {f"{name}.py": f"VERSION = '1.0'  # {'x' * 100_000}\n"})
    (lmd.home / "environments").unlink()
    (lmd.home / "packages.toml").write_text(f'no-index = true\nfind-links = ["{wheels}"]\n')
    return lmd


def built(lmd: Lmd, package: str) -> Path:
    """The virtual environment of a package, which no deployment needs."""
    requirements = lmd.folder / f"{package}.txt"
    requirements.write_text(f"{package}\n")
    lmd("env", "create", package, "--requirements", requirements, "--python", PYTHON)
    return Path(lmd("env", "build", package).out.strip()).parents[1]


def pruned(lmd: Lmd, *options: str) -> dict[str, Any]:
    """What of each environment became, by key: True, or why it is kept."""
    result = lmd("env", "prune", *options, "-o", "json")
    assert result.code == 0, result.err
    return {each["key"]: each["removed"] or each["why"] for each in json.loads(result.out)["environments"]}


def area(lmd: Lmd, name: str) -> dict[str, Any]:
    found = json.loads(lmd("store", "du", "-o", "json").out)
    assert found["total"]["bytes"] == sum(each["bytes"] for each in found["areas"])
    area: dict[str, Any] = next(each for each in found["areas"] if each["name"] == name)
    return area


def test_only_what_no_deployment_needs_goes_and_the_others_serve_on(lmd: Lmd) -> None:
    gone = script("__import__('ours').VERSION")
    lmd.apply(gone, name="one", environment={"python": PYTHON, "requirements": ["ours"]})
    (ours,) = (lmd.home / "environments").iterdir()
    lmd.port += 1
    kept = script("__import__('theirs').VERSION")
    lmd.apply(kept, name="two", environment={"python": PYTHON, "requirements": ["theirs"]})
    (theirs,) = set((lmd.home / "environments").iterdir()) - {ours}
    assert pruned(lmd, "--older-than", "0s") == {
        ours.name: "one (process, revision 1)",
        theirs.name: "two (process, revision 1)",
    }
    lmd("delete", "one")
    assert pruned(lmd)[ours.name].startswith("used ")
    before = area(lmd, "virtual environments")["bytes"]
    assert pruned(lmd, "--older-than", "0s", "--dry-run")[ours.name] is True and ours.exists()

    assert pruned(lmd, "--older-than", "0s") == {ours.name: True, theirs.name: "two (process, revision 1)"}
    assert [path.name for path in (lmd.home / "environments").iterdir()] == [theirs.name]
    assert not (lmd.home / "build-logs" / f"{ours.name}.log").exists()
    assert area(lmd, "virtual environments")["bytes"] < before
    assert lmd.ask().body == "1.0"
    lmd.apply(script("2"), name="two", environment={"python": PYTHON, "requirements": ["theirs"]})
    assert lmd.ask().body == 2
    lmd.apply(gone, name="two", environment={"python": PYTHON, "requirements": ["ours"]})
    assert lmd.ask().body == "1.0", "what was removed is made again"


def test_what_is_unused_is_told_by_du_and_gc_and_what_killed_commands_left_goes_too(lmd: Lmd) -> None:
    place = built(lmd, "ours")
    assert "lmd env prune" not in lmd("store", "gc").out
    long_ago = time.time() - 25 * 3600
    os.utime(place, (long_ago, long_ago))
    assert area(lmd, "virtual environments")["reclaimable"] > 0
    assert "lmd env prune frees them" in lmd("store", "gc").out
    for name in (".removed-half-0", ".incoming-half"):
        (place.parent / name / "lib").mkdir(parents=True)
    assert "1 removed" in lmd("env", "prune").out
    assert list(place.parent.iterdir()) == []


def test_using_one_again_keeps_it(lmd: Lmd) -> None:
    place = built(lmd, "ours")
    os.utime(place, (0, 0))
    assert built(lmd, "ours") == place
    assert pruned(lmd)[place.name].startswith("used ")


def test_a_command_that_works_with_it_keeps_it(lmd: Lmd) -> None:
    place = built(lmd, "ours")
    # a program that takes the command's place, as lmd run has it, holds it as well
    takes = f"import os; os.execv({sys.executable!r}, ['python', '-c', 'print(1, flush=True); input()'])"
    code = f"{HOLD}held.hold(Path(sys.argv[1])); {takes}"
    command = [sys.executable, "-c", code, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as working:
        assert working.stdin and working.stdout and working.stdout.readline() == "1\n"
        assert pruned(lmd, "--older-than", "0s") == {place.name: "a command that runs now"}
        working.communicate("\n")
    assert pruned(lmd, "--older-than", "0s") == {place.name: True}


def test_who_wants_it_while_it_is_taken_away_is_told_that_it_is_gone(lmd: Lmd) -> None:
    place = built(lmd, "ours")
    found: list[bool] = []
    wants = threading.Thread(target=lambda: found.append(held.hold(place)))
    with held.alone(place):
        wants.start()
        wants.join(0.2)
        assert found == []
        place.rename(place.with_name(".removed-now"))
    wants.join()
    assert found == [False]


def test_nothing_is_removed_where_a_record_cannot_be_read(lmd: Lmd) -> None:
    place = built(lmd, "ours")
    record = lmd.home / "deployments" / "broken" / "revisions" / "1" / "record.json"
    record.parent.mkdir(parents=True)
    for content in (b"", b"\xff", b"[" * 100_000, b"[]", b'{"build": 1}'):
        record.write_bytes(content)
        with pytest.raises(UserError, match=r"record\.json is damaged") as caught:
            environments.remove(lmd.home, place.name, 0)
        assert caught.value.reason == "StateDamaged"
    result = lmd("env", "prune", "--older-than", "0s")
    assert result.code == 1 and str(record) in result.err
    assert place.exists()
    record.unlink()
    assert environments.remove(lmd.home, place.name, 0)


def test_a_version_that_a_deployment_names_is_not_deleted(lmd: Lmd) -> None:
    built(lmd, "ours")
    lmd.apply(script("1"), environment={"ref": {"name": "ours", "version": 1}})
    refused = lmd("env", "delete", "ours:1")
    assert refused.code == 1
    assert "environment ours:1 is used by digits (process); delete the deployment first" in refused.err
    note = lmd.home / "store" / "images" / "uses" / "cluster.json"
    note.parent.mkdir(parents=True)
    deployment = {"namespace": "default", "name": "mnist", "environment": "ours:1"}
    note.write_text(json.dumps({"environments": [], "deployments": [deployment]}))
    lmd("delete", "digits")
    assert "used by default/mnist (kind)" in lmd("env", "delete", "ours:1").err
    note.unlink()
    assert lmd("env", "delete", "ours:1").code == 0


def test_one_that_was_made_anew_meanwhile_is_not_taken_for_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "environments" / "key"
    place.mkdir(parents=True)
    lock = held.fcntl.flock

    def replaced_before(folder: int, operation: int) -> None:
        place.rename(tmp_path / "old")
        place.mkdir()
        lock(folder, operation)

    monkeypatch.setattr(held.fcntl, "flock", replaced_before)
    assert environments.remove(tmp_path, "key", 0) is False
    assert place.exists()


def test_two_at_once_do_not_disturb_each_other(lmd: Lmd) -> None:
    for number in range(300):
        (lmd.home / "environments" / f"{number:032x}" / "lib").mkdir(parents=True)
    command = [LMD, "env", "prune", "--older-than", "0s"]
    variables = {**os.environ, "LOCALMODEL_HOME": str(lmd.home)}
    both = [subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [each.wait(120) for each in both if each.communicate()] == [0, 0]
    assert list((lmd.home / "environments").iterdir()) == []


@pytest.mark.parametrize("age", ["1", "h", "1w", "-1h"])
def test_an_age_says_its_unit(age: str) -> None:
    result = CliRunner().invoke(main, ["env", "prune", f"--older-than={age}"])
    assert result.exit_code == 2 and "write 30min, 24h or 7d" in result.stderr
