"""lmd kind, and lmd operator up and down: what they ask of kind and kubectl, and which processes they leave."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from localmodel.cli import program
from localmodel.cli.app import main
from localmodel.local_cluster import operator_process
from localmodel.targets import ports

# Keeps its arguments; kind knows the clusters in the file `clusters`.
PROGRAM = """#!/bin/sh
cd "$(dirname "$0")"
echo "$(basename "$0") $*" >>asked
case "$(basename "$0") $1 $2" in
"docker info "*) [ ! -f silent ] || { echo "Cannot connect to the Docker daemon" >&2; exit 1; } ;;
"kind get clusters") cat clusters ;;
"kind create cluster")
  echo " * Preparing nodes" >&2
  [ ! -f refused ] || { echo "ERROR: failed to pull the image" >&2; exit 1; }
  echo "$4" >>clusters ;;
"kubectl config current-context") echo kind-mine ;;
esac
"""
# Serves the cluster as soon as it has started, or ends with a message.
OPERATOR = """#!/bin/sh
cd "$(dirname "$0")"
echo "$*" >>asked
[ ! -f refused ] || { echo "starting"; echo "error: the cluster is [gone]"; exit 1; }
echo "this operator holds the lease and serves cluster mine"
exec sleep 600
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with docker, kind, kubectl and the program that `lmd operator run` starts, and a home of its own."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name, text in (("docker", PROGRAM), ("kind", PROGRAM), ("kubectl", PROGRAM), ("lmd", OPERATOR)):
        (bin_folder / name).write_text(text)
        (bin_folder / name).chmod(0o755)
    (bin_folder / "clusters").touch()
    monkeypatch.setenv("PATH", f"{bin_folder}:/usr/bin:/bin")
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(program, "path", lambda: bin_folder / "lmd")
    yield bin_folder
    for pid in (tmp_path / "home").glob("operator-*/pid"):
        operator_process.down(pid.parent.name.removeprefix("operator-"))


def lmd(*arguments: str) -> Result:
    result = CliRunner().invoke(main, list(arguments))
    print(result.output)
    return result


def asked(folder: Path) -> list[str]:
    return (folder / "asked").read_text().splitlines()


def test_a_cluster_is_made_with_ports_and_the_resource_and_deleted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: True)
    result = lmd("kind", "up")
    assert result.exit_code == 0 and "lmd operator up --context kind-localmodel" in result.stdout
    (create,) = (line for line in asked(folder) if "create" in line)
    config = yaml.safe_load(Path(create.partition("--config ")[2]).read_text())
    assert [mapping["hostPort"] for mapping in config["nodes"][0]["extraPortMappings"]] == [*range(6789, 6799)]
    applied = next(line for line in asked(folder) if " apply " in line)
    assert applied.startswith("kubectl --context kind-localmodel apply --server-side --force-conflicts -f "), applied
    of_resource = [line for line in asked(folder) if "localmodeldeployments.localmodel.dev" in line]
    assert any("--for=condition=Established crd/" in line for line in of_resource)
    assert any(" get localmodeldeployments" in line for line in of_resource), "an operator that starts now can list it"

    (folder / "asked").unlink()
    assert lmd("kind", "up").exit_code == 0, "again"
    assert not any("create" in line for line in asked(folder)) and any(" apply " in line for line in asked(folder))

    assert lmd("kind", "down").stdout == "cluster localmodel: deleted\n"
    assert asked(folder)[-1] == "kind delete cluster --name localmodel"
    assert lmd("kind", "down", "nosuch").stdout == "there is no cluster nosuch\n"


@pytest.mark.parametrize("command", ["up", "down"])
def test_missing_programs_are_named_at_once_with_where_to_get_them(
    folder: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "docker").unlink()
    (folder / "kind").unlink()
    monkeypatch.setenv("PATH", str(folder))
    result = lmd("kind", command)
    assert result.exit_code == 1 and result.stderr.count("\n") == 1
    assert "docker (https://docs.docker.com/" in result.stderr and "kind (https://kind.sigs.k8s.io/" in result.stderr
    assert "kubectl (" not in result.stderr


def test_what_a_cluster_cannot_be_made_with(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "silent").touch()
    assert "no Docker engine answers: Cannot connect" in lmd("kind", "up").stderr
    (folder / "silent").unlink()

    (folder / "refused").touch()
    monkeypatch.setattr(ports, "is_free", lambda port: True)
    assert "kind create cluster: * Preparing nodes\nERROR: failed to pull the image" in lmd("kind", "up").stderr

    monkeypatch.setattr(ports, "is_free", lambda port: port != 6791)
    monkeypatch.setattr(ports, "holder", lambda port: "python (process 7)")
    assert "needs port 6791 of this machine, which is held by python (process 7)" in lmd("kind", "up").stderr


def test_the_operator_is_started_anew_and_stopped_with_its_cluster(folder: Path, tmp_path: Path) -> None:
    (folder / "clusters").write_text("mine\n")
    home = tmp_path / "home" / "operator-mine"
    assert "kind-mine: does not run" in lmd("operator", "down").stdout
    result = lmd("operator", "up")
    first = int((home / "pid").read_text())
    assert result.exit_code == 0 and f"kind-mine: process {first}, log {home / 'operator.log'}" in result.stdout
    assert "operator run --context kind-mine" in asked(folder)
    assert any(" apply --server-side " in line for line in asked(folder))

    assert lmd("operator", "up", "--context", "kind-mine").exit_code == 0
    second = int((home / "pid").read_text())
    assert second != first and "holds the lease" in (home / "operator.log.1").read_text()
    ended(first)
    result = lmd("kind", "down", "mine")
    assert result.stdout == "operator: stopped\ncluster mine: deleted\n"
    ended(second)
    assert "does not run" in lmd("operator", "down", "--context", "kind-mine").stdout


def test_an_operator_that_does_not_start_says_why(folder: Path, tmp_path: Path) -> None:
    (folder / "refused").touch()
    result = lmd("operator", "up")
    log = tmp_path / "home" / "operator-mine" / "operator.log"
    assert result.exit_code == 1
    assert f"error: the operator has ended: the cluster is [gone] (its log is {log})\n" in result.stderr
    assert "does not run" in lmd("operator", "down").stdout


def ended(pid: int) -> None:
    """Wait until the process has ended."""
    with contextlib.suppress(ChildProcessError):  # started by a command of this process
        os.waitpid(pid, 0)
    eventually(lambda: not Path(f"/proc/{pid}").exists())


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
