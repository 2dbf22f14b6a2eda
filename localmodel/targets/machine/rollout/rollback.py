"""Serves a recorded revision again on this machine."""

from collections.abc import Callable
from dataclasses import replace

from localmodel.output.progress import Progress
from localmodel.resource.spec import DeploymentSpec
from localmodel.targets.machine import revision_folder
from localmodel.targets.machine.rollout.rollout import Rollout
from localmodel.targets.machine.runner import BuiltEnvironment, Runner
from localmodel.targets.machine.state import RevisionRecord, ServerRecord, State


def serve(
    runner: Runner,
    place: State,
    spec: DeploymentSpec,
    record: RevisionRecord,
    running: ServerRecord | None,
    timeout: float,
    progress: Progress,
    give_way: Callable[[], None],
) -> None:
    """Bring the recorded revision into service, on the deployment's port and with the limits of the spec.

    Raises:
        UserError: the errors of `Rollout.bring()`.
    """
    revision_folder.restore(place.folder(record.number))
    last = running or (place.main.server() if spec.local_port else None)
    if last:  # the spec may be one that failed, and asks for another port
        spec = replace(spec, local_port=last.wanted_port)
    python = record.environment["LOCALMODEL_PYTHON"]
    environment = BuiltEnvironment(record.build, python, {}, runner.program(record.build, spec))
    Rollout(runner, place, spec, environment, timeout, progress, give_way).bring(running, lambda: record)
