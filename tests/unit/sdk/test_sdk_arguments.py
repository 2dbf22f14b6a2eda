"""What a program gives of the wrong kind is named in one sentence, before anything is changed."""

from typing import Any, cast

import pytest

from localmodel import Client, Deployment, EnvironmentSpec, UserError
from localmodel.project import arguments
from localmodel.sdk.connections import Connections
from localmodel.targets.target import Target

UNUSED = cast(Target, None)  # whatever is asked of it is an error of its own
WRONG = [
    ({"variables": ["PASSWORD=secret"]}, "variables: give a dict such as {'NAME': 'value'}, not a value of type list"),
    ({"environment": 3}, "environment: give an EnvironmentVersion or EnvironmentSpec, a name or path, or a list of"),
    ({"environment": [3]}, "environment: give"),
    ({"environment": {"python": "3.11"}}, "environment: give"),
    ({"models": [None]}, "models: give ModelVersions, names or paths, not None"),
    ({"models": 3}, "models: give ModelVersions, names or paths, not 3"),
    ({"server": ["workers"]}, "server: give a dict such as {'workers': 2}, not a value of type list"),
    ({"script": 3}, "script: give the path of the entry script, not 3"),
    ({"source_directory": 3}, "source_directory: give the path of a folder, not 3"),
    ({"timeout": "5"}, "timeout: give a number of seconds, 0 or more, not a value of type str"),
    ({"timeout": -1}, "timeout: give a number of seconds, 0 or more, not -1"),
    ({"timeout": float("nan")}, "timeout: give a number of seconds, 0 or more, not nan"),
    ({"progress": "yes"}, "progress: give True, False or a Progress, not a value of type str"),
]


def refusal(call: Any, **given: object) -> str:
    with pytest.raises(UserError) as caught:
        call(**given)
    assert type(caught.value) is UserError and caught.value.reason == "ArgumentInvalid"
    assert "secret" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("given", "told"), [*WRONG, ({"name": 3}, "name: give the deployment's name, not 3")], ids=str)
def test_a_deploy_names_the_argument(given: dict[str, object], told: str) -> None:
    client = Client._of(UNUSED)
    told = told.replace("the path of the entry script,", "a path of an entry script or of a model,")
    assert refusal(client.deploy, **{"name": "digits", "script": "score.py", **given}).startswith(
        told.partition(", not")[0]
    )


@pytest.mark.parametrize(("given", "told"), WRONG, ids=str)
def test_an_update_names_the_argument(given: dict[str, object], told: str) -> None:
    assert refusal(Deployment("digits", UNUSED, Connections()).update, **given).startswith(told)


@pytest.mark.parametrize("method", ["wait", "reload", "rollback"])
def test_so_does_whatever_takes_a_timeout(method: str) -> None:
    deployment = Deployment("digits", UNUSED, Connections())
    assert refusal(getattr(deployment, method), timeout="5").startswith("timeout: ")
    assert refusal(deployment.score, data=1, timeout="5").startswith("timeout: ")


@pytest.mark.parametrize("last", [0, -1, True, 1.5, "5", None])
def test_a_number_of_requests_is_one_or_more(last: object) -> None:
    assert refusal(Deployment("digits", UNUSED, Connections()).captured, last=last).startswith("last: give a number")


def test_what_fits_passes() -> None:
    for packages in (None, "science", ["numpy"], ("numpy",), {"numpy"}, EnvironmentSpec()):
        arguments.check(environment=packages, variables=None, server={}, timeout=0, progress=True)


def test_the_requirements_of_an_environment_are_no_single_text() -> None:
    assert "give a tuple such as ('numpy',)" in refusal(EnvironmentSpec, requirements="numpy")
