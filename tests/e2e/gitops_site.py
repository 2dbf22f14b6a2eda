"""What Flux and Argo CD have in common: a repository whose commits they follow, and processes beside the cluster."""

from __future__ import annotations

import contextlib
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from kube import Cluster, Object
from support.git_server import GitServer


@dataclass(frozen=True)
class Site(ABC):
    """A tool that applies what is in Git."""

    cluster: Cluster
    git: GitServer
    name: str = "digits"

    @abstractmethod
    def follow(self, commit: str) -> Object:
        """What the tool says in the end of this commit."""

    def commit(self, files: Mapping[str, str | None]) -> Object:
        """Commit these files; see `follow`."""
        return self.follow(self.git.commit(files))

    def revert(self) -> Object:
        """Take the last commit back; see `follow`."""
        self.git.git("revert", "--no-edit", "HEAD")
        return self.follow(self.git.git("rev-parse", "HEAD"))


def kustomization(*resources: str) -> str:
    """The kustomization.yaml of a folder with these resources and a script."""
    return yaml.safe_dump(
        {
            "resources": list(resources),
            "configMapGenerator": [{"name": "digits-score", "files": ["score.py"]}],
            "configurations": ["kustomizeconfig.yaml"],
        }
    )


def write_kubeconfig(cluster: Cluster, path: Path) -> None:
    path.touch(mode=0o600)
    path.write_text(cluster.kubectl("config", "view", "--raw", "--minify", "--flatten"))


@contextlib.contextmanager
def processes(
    commands: Mapping[str, Sequence[str | Path]], environment: Mapping[str, str], folder: Path
) -> Iterator[None]:
    """The commands, by the names of their logs in the folder, until the end of the block."""
    with contextlib.ExitStack() as stack:
        for name, command in commands.items():
            log = stack.enter_context((folder / f"{name}.log").open("w"))
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            stack.callback(_end, process)
        yield


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
