"""What the Job of a wheel says of its end."""

from __future__ import annotations

from typing import Any

import pytest

from localmodel_operator.wheels import job

COMPILER = """
  Building wheel for oldie (pyproject.toml): finished with status 'error'
  error: subprocess-exited-with-error
  x Building wheel for oldie (pyproject.toml) did not run successfully.
  `-> [2 lines of output]
      building 'oldie' extension
      error: command 'gcc' failed: No such file or directory
      [end of output]
  note: This error originates from a subprocess, and is likely not a problem with pip.
  ERROR: Failed building wheel for oldie
ERROR: Failed to build one or more wheels
"""
NO_VERSION = """
ERROR: Could not find a version that satisfies the requirement oldie==3.0 (from versions: 1.0)
ERROR: No matching distribution found for oldie==3.0
"""


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        (COMPILER, "error: command 'gcc' failed: No such file or directory"),
        (NO_VERSION, "Could not find a version that satisfies the requirement oldie==3.0 (from versions: 1.0)"),
        ("something\nTraceback\nKeyError: 'x'\n", "KeyError: 'x'"),
        ("ERROR: https://alice:secret@host/simple/ refuses", "https://***@host/simple/ refuses"),
        ("", ""),
    ],
)
def test_the_line_that_says_why_a_build_failed(output: str, cause: str) -> None:
    assert job.cause(output) == cause


def failed(job_reason: str = "BackoffLimitExceeded", **terminated: Any) -> str:
    ended = {"type": "Failed", "status": "True", "reason": job_reason, "message": "Job has failed"}
    pod = {"status": {"containerStatuses": [{"state": {"terminated": terminated}}]}} if terminated else None
    return job.failure({"status": {"conditions": [ended]}}, pod)


def test_a_job_that_ended_without_last_words() -> None:
    assert failed() == "Job has failed"
    assert failed("DeadlineExceeded") == "it takes longer than 30 minutes"
    assert failed(reason="OOMKilled", exitCode=137, message="") == "it needs more memory than 2Gi"
    assert failed(exitCode=1, message="ERROR: no") == "no"
