"""The programs of others that a local cluster needs."""

import shutil
import subprocess
from collections.abc import Callable

from localmodel import reasons
from localmodel.errors import UserError

_INSTALLATION = {
    "docker": "https://docs.docker.com/get-started/get-docker/",
    "kind": "https://kind.sigs.k8s.io/docs/user/quick-start/#installation",
    "kubectl": "https://kubernetes.io/docs/tasks/tools/",
}


def require(*names: str) -> None:
    """Check that the programs are on the PATH.

    Raises:
        UserError: ProgramMissing.
    """
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        places = ", ".join(f"{name} ({_INSTALLATION[name]})" for name in missing)
        raise UserError(reasons.PROGRAM_MISSING, f"not on the PATH: {places}; install what is missing")


def require_engine() -> None:
    """Check that a Docker engine answers.

    Raises:
        UserError: EngineUnreachable.
    """
    done = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        error = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        raise UserError(reasons.ENGINE_UNREACHABLE, f"no Docker engine answers: {error}")


def kind(*arguments: str, now: Callable[[str], None] = lambda line: None) -> str:
    """Run kind, and return what it prints; `now` gets each line that it says meanwhile.

    Raises:
        UserError: KindFailed.
    """
    lines = []
    with subprocess.Popen(["kind", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None  # noqa: S101 - for the type checker
        for line in process.stderr:
            lines.append(line.strip())
            now(lines[-1])
        printed = process.stdout.read()
    if process.returncode != 0:
        error = "\n".join(line for line in lines if line) or f"exit code {process.returncode}"
        raise UserError(reasons.KIND_FAILED, f"kind {' '.join(arguments[:2])}: {error}")
    return printed
