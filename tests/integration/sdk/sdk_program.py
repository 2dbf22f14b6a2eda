"""A program that uses all of the SDK, for the type checker only: every line means what its comment says."""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, assert_type

import localmodel
from localmodel import (
    AsyncClient,
    AsyncDeployment,
    CapturedRequest,
    Client,
    DeployError,
    Deployment,
    DeploymentState,
    DeploymentStatus,
    EnvironmentSpec,
    EnvironmentVersion,
    ModelVersion,
    PastRevision,
    ScoringError,
    ServerOptions,
    UserError,
)


class Predictor:
    def predict(self, rows: list[list[float]]) -> list[float]:
        return [sum(row) for row in rows]


def deploy(client: Client, model: ModelVersion, environment: EnvironmentVersion) -> None:
    assert_type(client.deploy("digits", "score.py"), Deployment)
    client.deploy("digits", Path("score.py"), source_directory="code", models=model, environment=environment)
    client.deploy("digits", "score.py", models=["digits:1", Path("model.pkl"), model], environment=["numpy"])
    client.deploy("digits", "score.py", environment=EnvironmentSpec("3.12"), variables={"A": "1"}, port=6790)
    client.deploy("digits", "score.py", server={"workers": 2}, replicas=2, timeout=60, progress=True)
    options: ServerOptions = {"scoring_timeout_seconds": 5}
    client.deploy("digits", "score.py", server=options)
    client.deploy("digits", "score.py", server={"maxRequestBytes": 5})  # type: ignore[arg-type]
    client.deploy("digits", 5)  # type: ignore[arg-type]
    client.deploy("digits", object())  # type: ignore[arg-type]
    client.deploy("digits", Predictor())
    client.deploy("digits", lambda rows: rows)
    client.deploy("digits", models=model)
    client.deploy("digits", "score.py", models=5)  # type: ignore[arg-type]
    client.deploy("digits", "score.py", variables={"A": 1})  # type: ignore[dict-item]
    client.deploy("digits", "score.py", nosuch=1)  # type: ignore[call-arg]
    assert_type(client.get("digits"), Deployment)
    assert_type(client.list(), list[Deployment])
    assert_type(client.models.get("digits"), ModelVersion)
    assert_type(client.environments.get("science"), EnvironmentVersion)


def use(digits: Deployment) -> None:
    assert_type(digits.score({"data": [1]}, content_type="application/json", headers={"a": "b"}, timeout=1.5), Any)
    assert_type(digits.status, DeploymentStatus)
    assert_type(digits.history(), list[PastRevision])
    assert_type(digits.captured(last=5), list[CapturedRequest])
    assert_type(digits.state, DeploymentState)
    assert_type(digits.url, str)
    assert_type(digits.swagger_url, str)
    assert_type(digits.message, str)
    assert_type(digits.manifest, Mapping[str, Any])
    assert_type(digits.logs(lines=10), str)
    assert_type(digits.follow(), Iterator[str])
    digits.update(script="score.py", models="digits:2", environment="science:1", variables={}, progress=False)
    digits.reload(timeout=5)
    digits.wait(timeout=5)
    digits.delete(missing_ok=True)
    digits.name = 5  # type: ignore[assignment]


def errors(error: ScoringError, other: DeployError) -> None:
    assert_type(error.status, int)
    assert_type(error.body, bytes)
    assert_type(error.request_id, str)
    assert_type(error.traceback + other.traceback + other.reason, str)
    known: list[UserError] = [error, other]
    assert_type(known, list[UserError])


async def use_async(client: AsyncClient) -> None:
    async with localmodel.AsyncClient("kind", context="kind-localmodel", namespace="mine") as client:
        digits = await client.deploy("digits", "score.py", models="digits", progress=True)
        assert_type(digits, AsyncDeployment)
        await client.deploy("digits", 5)  # type: ignore[arg-type]
        await client.deploy("digits", "score.py", nosuch=1)  # type: ignore[call-arg]
        assert_type(await client.list(), list[AsyncDeployment])
        assert_type(await digits.score([1]), Any)
        assert_type(await digits.state(), DeploymentState)
        assert_type(await digits.url(), str)
        assert_type(await digits.logs(), str)
        assert_type(digits.follow(), AsyncIterator[str])
        async for piece in digits.follow():
            assert_type(piece, str)
        await digits.update(script="score.py", server={"workers": 2}, progress=print)  # type: ignore[arg-type]
        await digits.update(nosuch=1)  # type: ignore[call-arg]
        await digits.reload(timeout=5)
        await digits.rollback(3, progress=True)
        await digits.rollback("3")  # type: ignore[arg-type]
        await digits.delete()
    print(digits.score([1]) + 1)  # type: ignore[operator]  # a coroutine
