"""Passes over a resource with a package that comes as source only: a Job in its namespace builds the wheel."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.operator.fake_api import Trouble
from support.operator.simulation import NAMESPACE, Simulation
from support.package_index import make_sdist, make_wheel

from localmodel.disk import files
from localmodel.environments.locks import lock, uv
from localmodel.resource.spec import EnvironmentSpec
from localmodel_operator import sweep
from localmodel_operator.cluster import JOB, POD, RefusedError, TooMuchError
from localmodel_operator.cluster import NAMESPACE as NAMESPACES
from localmodel_operator.wheels import builds, kept, source

SOURCE_ONLY = {"environment": {"requirements": ["oldie==1.0"]}}
WHEEL_READ = "wheel of a pod"
BUILDING = "oldie==1.0 has no wheel, and is being built from source in the cluster"


class Index:
    """In the place of uv: an index that has every package as source only, but pip and what its like build with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def run_uv(
        self,
        arguments: list[str],
        text: str = "",
        listen: Any = None,
        programs: bool = False,
        wheels: Path | None = None,
    ) -> tuple[int, str, str]:
        return self._answer(arguments, text, wheels)

    def _answer(self, arguments: list[str], text: str, wheels: Path | None) -> tuple[int, str, str]:
        if "--emit-index-url" in arguments:
            return 0, f"--find-links {self.folder}", ""
        assert "--no-build" in arguments
        lock = ""
        for line in text.splitlines():
            name, _, version = line.partition("==")
            digest = f"{0:064}" if name == "pip" else self._wheel(f"{name}-{version}-*.whl", wheels)
            if not digest:
                return 1, "", f"Because {name}=={version} has no usable wheels and you require {name}, ..."
            lock += f"{name}=={version or '1'} \\\n    --hash=sha256:{digest}\n"
        Path(arguments[arguments.index("--output-file") + 1]).write_text(lock)
        return 0, "", ""

    def _wheel(self, pattern: str, wheels: Path | None) -> str:
        wheel = next(iter(wheels.glob(pattern)), None) if wheels else None
        return hashlib.sha256(wheel.read_bytes()).hexdigest() if wheel else ""


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    sim = Simulation(tmp_path / "store", monkeypatch)
    for module in (lock, uv):
        monkeypatch.setattr(module, "run_uv", Index(tmp_path / "index").run_uv)
    make_sdist(tmp_path / "index", "oldie", "1.0", tmp_path / "ran")
    sim.jobs.run = builds_wheels(tmp_path / "made")
    return sim


def builds_wheels(folder: Path, name: str = "") -> Callable[[list[str]], tuple[str, bytes]]:
    def run(command: list[str]) -> tuple[str, bytes]:
        package, version = Path(command[-1]).name.removesuffix(".tar.gz").split("-")
        make_wheel(folder, package, version)
        wheel = folder / f"{package}-{version}-py3-none-any.whl"
        return name or wheel.name, wheel.read_bytes()

    return run


def fails(words: str) -> Callable[[list[str]], tuple[str, bytes]]:
    def run(command: list[str]) -> tuple[str, bytes]:
        raise RuntimeError(words)

    return run


def wheels(sim: Simulation) -> list[str]:
    """Whatever lies where wheels are kept."""
    return [path.name for path in sim.store.root.glob("built-wheels/*/**/*") if path.is_file()]


async def test_a_job_builds_what_has_no_wheel_and_is_gone_afterwards(sim: Simulation) -> None:
    sim.serve("A", **SOURCE_ONLY)
    await sim.settle()
    assert (sim.answer(), sim.condition("Ready")["reason"], sim.api.all(JOB)) == ("A", "Serving", [])
    assert wheels(sim) == ["oldie-1.0-py3-none-any.whl"] and not sim.wrong()
    sim.serve("B", **SOURCE_ONLY)
    await sim.settle()
    assert sim.answer() == "B" and len(sim.jobs.commands) == 1


async def test_its_pod_is_restricted_has_no_token_and_gets_no_requests(sim: Simulation) -> None:
    sim.serve("A")
    await sim.settle()
    jobs: list[Any] = []
    sim.trouble = lambda call: jobs.extend(sim.api.all(JOB)) or jobs.extend(sim.api.all(POD)) or None
    pod_fields = {"nodeSelector": {"disk": "ssd"}, "serviceAccountName": "powerful"}
    sim.serve("A", **SOURCE_ONLY, pod=pod_fields)
    await sim.settle()
    job = next(seen for seen in jobs if seen["kind"] == "Job")
    metadata, spec = job["metadata"], job["spec"]
    assert (
        metadata["namespace"] == NAMESPACE and metadata["ownerReferences"][0]["uid"] == sim.owner()["metadata"]["uid"]
    )
    assert spec["backoffLimit"] == 0 and spec["activeDeadlineSeconds"] and "ttlSecondsAfterFinished" not in spec
    pod, (container,) = spec["template"]["spec"], spec["template"]["spec"]["containers"]
    assert pod["automountServiceAccountToken"] is False and "serviceAccountName" not in pod
    assert pod["nodeSelector"] == {"disk": "ssd"} and pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert container["resources"]["limits"]["memory"] and "@sha256:" in container["image"]
    assert container["command"][-1] == "/opt/localmodel/build/oldie-1.0.tar.gz"
    builder = next(seen for seen in jobs if seen["kind"] == "Pod" and "wheel" in seen["metadata"]["name"])
    (service,) = [seen for seen in sim.api.objects.values() if seen["kind"] == "Service"]
    assert not service["spec"]["selector"].items() <= builder["metadata"]["labels"].items()


async def test_what_serves_goes_on_while_it_is_built_and_the_status_says_so(sim: Simulation) -> None:
    sim.serve("A")
    await sim.settle()
    seen: list[str] = []
    sim.trouble = lambda call: seen.append(str(sim.condition("EnvironmentBuilt").get("message"))) or None
    sim.serve("B", **SOURCE_ONLY)
    await sim.settle()
    assert BUILDING in seen and sim.answers == [None, "A", "B"] and not sim.wrong()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            "  gcc -c x.c\n  error: command 'gcc' failed\n  [end of output]\nERROR: Failed",
            "error: command 'gcc' failed",
        ),
        ("ERROR: Backend 'flit_core' is not available.", "Backend 'flit_core' is not available."),
    ],
)
async def test_why_a_build_failed_is_in_the_status_and_what_served_serves(
    sim: Simulation, words: str, why: str
) -> None:
    sim.serve("A")
    await sim.settle()
    sim.jobs.run = fails(words)
    sim.serve("B", **SOURCE_ONLY)
    await sim.settle()
    stalled = sim.condition("Stalled")
    assert stalled["reason"] == "EnvironmentBuildFailed" and sim.answer() == "A"
    assert f"oldie==1.0 has no wheel, and building it from source in the cluster failed: {why}; " in stalled["message"]
    (job,) = sim.api.all(JOB)
    assert f", or delete Job {job['metadata']['name']} to have it tried again (" in stalled["message"]
    assert "(revision 1 goes on serving)" in stalled["message"] and len(sim.jobs.commands) == 1
    sim.serve("C")
    await sim.settle()
    assert (sim.answer(), sim.api.all(JOB)) == ("C", []) and not sim.wrong()


async def test_what_is_not_the_package_is_refused(sim: Simulation, tmp_path: Path) -> None:
    sim.jobs.run = builds_wheels(tmp_path / "made", name="../numpy-9.9-py3-none-any.whl")
    sim.serve("A", **SOURCE_ONLY)
    await sim.settle()
    assert "what was built of oldie==1.0 is refused: it " in sim.condition("Stalled")["message"]
    assert not [name for name in wheels(sim) if name.endswith(".whl")] and sim.answer() is None


async def test_a_wheel_without_an_end_is_a_failure_of_the_build(sim: Simulation) -> None:
    sim.trouble = lambda call: Trouble(TooMuchError("it has more than 5 MB")) if str(call) == WHEEL_READ else None
    sim.serve("A", **SOURCE_ONLY)
    await sim.settle()
    stalled = sim.condition("Stalled")
    assert stalled["reason"] == "EnvironmentBuildFailed"
    assert "failed: the wheel cannot be fetched: it has more than 5 MB; " in stalled["message"]


async def test_a_sweep_may_run_while_a_wheel_is_fetched(sim: Simulation) -> None:
    swept = list[bool]()

    def remove(call: Any) -> None:
        if str(call) == WHEEL_READ and not swept:
            with files.alone(sim.store.root / "images" / "lock"):
                for path in (sim.store.root / "images" / "incoming").iterdir():
                    path.unlink()
                    swept.append(True)

    sim.trouble = remove
    sim.serve("A", **SOURCE_ONLY)
    await sim.settle()
    assert swept == [True] and sim.answer() == "A" and wheels(sim) == ["oldie-1.0-py3-none-any.whl"]


async def test_a_namespace_that_is_made_again_builds_its_own(sim: Simulation) -> None:
    sim.serve("A", **SOURCE_ONLY)
    await sim.settle()
    sim.delete("app")
    await sim.settle()
    (before,) = sim.api.all(NAMESPACES)
    sim.api.remove(before)
    sim.serve("A", **SOURCE_ONLY)
    await sim.settle()
    assert sim.answer() == "A" and len(sim.jobs.commands) == 2


async def test_where_the_namespace_may_not_be_looked_at_nothing_is_built(sim: Simulation) -> None:
    forbidden = Trouble(RefusedError(403, "namespaces is forbidden"))
    sim.trouble = lambda call: forbidden if str(call) == f"get Namespace {NAMESPACE}" else None
    sim.serve("A")
    await sim.settle()
    sim.serve("B", **SOURCE_ONLY)
    await sim.settle()
    assert sim.condition("Stalled")["reason"] == "WheelMissing" and sim.answer() == "A" and not sim.jobs.commands


async def test_another_namespace_builds_its_own(sim: Simulation) -> None:
    sim.serve("A", **SOURCE_ONLY)
    await sim.settle()
    manifest = {**sim.owner(), "metadata": {"name": "other"}}
    manifest["spec"] = {**manifest["spec"], "service": {"expose": "None"}}
    sim.apply(manifest, "theirs")
    await sim.settle()
    assert len(sim.jobs.commands) == 2 and len(wheels(sim)) == 2


async def test_what_one_base_image_built_is_not_installed_on_another(sim: Simulation) -> None:
    sim.serve("A")
    environments = [EnvironmentSpec(), EnvironmentSpec(base_image="own:1"), EnvironmentSpec(dockerfile="FROM own:1")]
    folders = {await builds.folder(sim._operator, NAMESPACE, environment) for environment in environments}
    assert len(folders - {None}) == 3


async def test_a_failed_build_is_tried_again_when_its_job_is_deleted(sim: Simulation, tmp_path: Path) -> None:
    sim.jobs.run = fails("ERROR: the disk is full")
    sim.serve("A", **SOURCE_ONLY)
    await sim.settle()
    (job,) = sim.api.all(JOB)
    sim.jobs.run = builds_wheels(tmp_path / "made")
    sim.look_again()
    await sim.settle()
    assert len(sim.jobs.commands) == 1 and sim.answer() is None, "each look finds the failed Job"
    sim.api.remove(job)
    sim.look_again()
    await sim.settle()
    assert sim.answer() == "A" and sim.api.all(JOB) == []


async def test_a_suspended_deployment_builds_nothing(sim: Simulation) -> None:
    suspended: list[bool] = []

    def suspend(call: Any) -> None:
        if str(call).startswith("list Pod") and sim.api.all(JOB) and not suspended:
            suspended.append(True)
            sim.serve("A", **SOURCE_ONLY, suspend=True)

    sim.trouble = suspend
    sim.serve("A", **SOURCE_ONLY)
    await sim.settle()
    assert suspended and sim.api.all(JOB) == [] and wheels(sim) == ["oldie-1.0.tar.gz"]


async def test_a_source_is_unpacked_once(sim: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked: list[Path] = []
    original = source._unpack
    monkeypatch.setattr(source, "_unpack", lambda archive, file: unpacked.append(archive) or original(archive, file))
    sim.serve("A", **SOURCE_ONLY)
    await sim.settle()
    assert sim.answer() == "A" and len(unpacked) == 1


async def test_a_namespace_does_not_fill_the_store(sim: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    sim.serve("A", **SOURCE_ONLY)
    await sim.settle()
    monkeypatch.setattr(kept, "MOST_BYTES", 10)
    sim.serve("B", environment={"requirements": ["oldie==1.0", "other==1.0"]})
    await sim.settle()
    assert sim.condition("Stalled")["reason"] == "EnvironmentBuildFailed" and sim.answer() == "A"
    assert "other==1.0 has no wheel" in sim.condition("Stalled")["message"]
    assert "which go when it has no deployment any more" in sim.condition("Stalled")["message"]
    assert len(sim.jobs.commands) == 1


async def test_a_sweep_removes_what_was_built_for_a_namespace_without_deployments(
    sim: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: Any) -> dict[Any, Any]:
        return {}

    for asked in ("_alive", "_present"):
        monkeypatch.setattr(sweep, asked, nothing)
    monkeypatch.setattr(sim._operator.environments, "forget", nothing)
    sim.serve("A", **SOURCE_ONLY)
    await sim.settle()
    await sweep.sweep(sim._operator, "cluster")
    assert wheels(sim) == ["oldie-1.0-py3-none-any.whl"]
    sim.delete("app")
    await sim.settle()
    await sweep.sweep(sim._operator, "cluster")
    assert wheels(sim) == []


async def test_an_edit_that_needs_no_wheel_any_more_ends_the_job(sim: Simulation) -> None:
    sim.serve("A", **SOURCE_ONLY)
    sim.trouble = lambda call: sim.serve("B") if str(call).startswith("create Job") else None
    await sim.settle()
    assert sim.answer() == "B" and sim.api.all(JOB) == [] and not sim.wrong()


async def test_a_deployment_that_is_deleted_takes_its_job_with_it(sim: Simulation) -> None:
    sim.serve("A", **SOURCE_ONLY)
    deleted: list[bool] = []

    def delete(call: Any) -> None:
        if str(call).startswith("list Pod") and sim.api.all(JOB) and not deleted:
            deleted.append(True)
            sim.delete("app")

    sim.trouble = delete
    await sim.settle()
    stays = ("Event", "Namespace")
    assert deleted and [seen["kind"] for seen in sim.api.objects.values() if seen["kind"] not in stays] == []


async def test_an_operator_that_is_killed_is_followed_by_one_that_ends_the_work(sim: Simulation) -> None:
    sim.serve("A")
    await sim.settle()
    before = sim.saved()

    async def run(number: int | None) -> None:
        counted = iter(range(10_000))
        sim.back_to(before)
        shutil.rmtree(sim.store.root / "built-wheels", ignore_errors=True)
        killed = Trouble(asyncio.CancelledError(), done=True, ends=True)
        sim.trouble = lambda call: killed if next(counted) == number else None
        sim.serve("B", **SOURCE_ONLY)
        await sim.settle()
        where = f"killed at call {number}"
        assert (sim.answer(), sim.answers, sim.api.all(JOB)) == ("B", ["A", "B"], []), where
        assert wheels(sim) == ["oldie-1.0-py3-none-any.whl"] and not sim.wrong(), where

    await run(None)
    calls = [*map(str, sim.calls)]
    moments = [number for number in sim.written if "Job" in calls[number]]
    moments += [number for number, call in enumerate(calls) if call.startswith("wheel of")]
    assert len(moments) >= 3
    for number in moments:
        await run(number)
