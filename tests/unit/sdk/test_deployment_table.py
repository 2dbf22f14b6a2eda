"""What a notebook shows of deployments, whatever has become of them."""

from dataclasses import replace
from threading import Event
from typing import Any, cast

import pytest

from localmodel import Client, Deployment, UserError, reasons
from localmodel.notebook import html
from localmodel.sdk.connections import Connections
from localmodel.sdk.deployment_table import DeploymentList
from localmodel.targets.target import DeploymentStatus, PastRevision, Target

DIGITS = DeploymentStatus("digits", True, 3, "http://localhost:6789/score", "")
DOWN = DeploymentStatus("down", False, None, "http://localhost:6790/score", "the server is not <running>", True)


class Answering:
    """A target with these deployments."""

    name = "process"

    def __init__(self, *there: DeploymentStatus) -> None:
        self._there = there

    def deployments(self) -> list[DeploymentStatus]:
        return [*self._there]

    def get(self, name: str) -> DeploymentStatus:
        for status in self._there:
            if status.name == name:
                return status
        raise UserError(reasons.DEPLOYMENT_NOT_FOUND, f"no deployment {name}")

    def history(self, name: str) -> list[PastRevision]:
        return [PastRevision(number, "", f"cause {number} <b>", "", "", {}, {}) for number in range(7, 0, -1)]


class Silent:
    """A target that does not answer."""

    name = "kind"

    def deployments(self, name: str = "") -> Any:
        Event().wait(30)

    get = deployments


class Refusing:
    """A target that cannot be reached."""

    name = "kind"

    def deployments(self, name: str = "") -> Any:
        raise UserError(reasons.UNREACHABLE, "no cluster <there>")

    get = deployments


def shown(target: object, *names: str) -> list[str]:
    """A client, each deployment, and the list of them."""
    client = Client._of(cast(Target, target))
    handles = [Deployment(name, cast(Target, target), Connections()) for name in names]
    values = [client, *handles, DeploymentList(handles, cast(Target, target))]
    return [value._repr_html_() for value in values]


def test_what_serves_is_a_link_and_what_does_not_says_why() -> None:
    client, digits, down, both = shown(Answering(DIGITS, DOWN), "digits", "down")
    assert "Client(target=&#x27;process&#x27;)" in client
    for several in (client, both):
        assert several.count("<tr>") == 3 and ">running<" in several and ">failed<" in several
    assert 'href="http://localhost:6789/score"' in digits and ">3<" in digits
    assert 'href="http://localhost:6789/ui"' in digits and "/ui" not in down
    assert "the server is not &lt;running&gt;" in down and "href" not in down


def test_a_deployment_has_its_last_revisions_and_the_form_of_its_page_while_it_serves() -> None:
    client, digits, down, _ = shown(Answering(DIGITS, DOWN), "digits", "down")
    assert all(f"cause {number} &lt;b&gt;" in digits for number in (7, 3)) and "cause 2" not in digits
    assert '<iframe src="http://localhost:6789/ui"' in digits and "<details>" in digits, "asked for when it is opened"
    assert "cause 7" in down and "<iframe" not in down
    assert 'href="http://localhost:6789/ui"' in client and client.count("<iframe") == 1
    assert "<summary>Try digits</summary>" in client


def test_a_client_has_the_forms_of_the_first_deployments_only() -> None:
    many = [replace(DIGITS, name=f"digits-{number:02}") for number in range(30)]
    client, *_ = shown(Answering(*many))
    assert client.count("<iframe") == 20 and "Try digits-19" in client and "Try digits-20" not in client


def test_what_is_deleted_says_so() -> None:
    client, digits, listed = shown(Answering(), "digits")
    assert "no deployments" in client
    assert ">deleted<" in digits and ">deleted<" in listed


def test_a_target_that_cannot_be_asked_is_a_sentence_and_no_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    client, digits, listed = shown(Refusing(), "digits")
    assert "the deployments cannot be shown: no cluster &lt;there&gt;" in client
    assert digits == listed == "<div>digits: the status cannot be had: no cluster &lt;there&gt;</div>"
    monkeypatch.setattr(html, "_SECONDS", 0)
    client, digits, listed = shown(Silent(), "digits")
    assert all("no answer within" in text for text in (client, digits, listed))


def test_a_list_of_deployments_is_a_list() -> None:
    handles = DeploymentList(
        [Deployment("digits", cast(Target, Answering()), Connections())], cast(Target, Answering())
    )
    assert isinstance(handles, list) and [handle.name for handle in handles] == ["digits"]
    assert handles == [handles[0]] and repr(handles) == "[Deployment('digits', target='process')]"
