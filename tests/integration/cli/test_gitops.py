"""From a deployment to a repository that a GitOps tool serves, and what a pull request there is told."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import yaml
from support.lmd_command import LMD, Lmd, Result, script

ROOT = Path(__file__).parents[3]
(JOB,) = yaml.safe_load((ROOT / "manifests/gitops/pull-request.yaml").read_text())["jobs"].values()
PLAN = next(step["run"] for step in JOB["steps"] if step.get("id") == "plan")


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@models.example", "-c", "commit.gpgSign=false")
    subprocess.run(["git", *identity, "-C", folder, *arguments], check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "edit")


def plan(lmd: Lmd, repository: Path) -> Result:
    """The workflow's step, as a runner runs it."""
    temporary = lmd.folder / "runner"
    (temporary / "venv/bin").mkdir(parents=True, exist_ok=True)
    if not (temporary / "venv/bin/lmd").exists():
        (temporary / "venv/bin/lmd").symlink_to(LMD)
    variables = {"RUNNER_TEMP": str(temporary), "LOCALMODEL_HOME": str(lmd.home), "LOCALMODEL_TARGET": "process"}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", PLAN]
    ended = subprocess.run(
        command,
        cwd=repository,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Result(ended.returncode, ended.stdout, ended.stderr)


def test_a_deployment_goes_into_a_repository_and_its_pull_requests_say_what_changes(lmd: Lmd) -> None:
    assert lmd.apply(script("1")).code == 0
    exported = lmd("export", "flux", "digits", "--url", "https://git.example/models.git", "--path", "./serving/digits")
    repository, kustomization = yaml.safe_load_all(exported.out)
    assert repository["spec"]["url"] == "https://git.example/models.git"
    assert kustomization["spec"]["path"] == "./serving/digits"
    assert exported.err == "to commit in the repository: lmd export manifest digits --output-dir serving/digits\n"

    clone = lmd.folder / "clone"
    git(lmd.folder, "init", "--quiet", "-b", "main", str(clone))
    for name in ("digits", "old"):
        assert lmd("export", "manifest", "digits", "--output-dir", clone / "serving" / name).code == 0
    commit(clone)
    source = clone / "serving/digits"
    manifest = yaml.safe_load((source / "deployment.yaml").read_text())
    manifest["spec"]["env"] = [{"name": "THRESHOLD", "value": "0.5"}]
    (source / "deployment.yaml").write_text(yaml.safe_dump(manifest))
    (clone / "README.md").write_text("words")
    git(clone, "rm", "--quiet", "-r", "serving/old")
    commit(clone)
    planned = plan(lmd, clone)
    assert planned.code == 0, planned
    assert "digits: swap: spec.env changed" in planned.out
    assert "serving/old: delete: the folder is no longer there" in planned.out

    (source / "deployment.yaml").write_text("kind: LocalModelDeployment\n")
    commit(clone)
    refused = plan(lmd, clone)
    assert refused.code == 1 and "error: serving/digits" in refused.out
