"""A captured request, found by its id."""

import json
from typing import Any

from localmodel import reasons
from localmodel.cli.project_options import deployment, wrong_paths
from localmodel.cli.target_option import chosen
from localmodel.cli.terminal.output import say
from localmodel.errors import UserError
from localmodel.targets.captured_request import CapturedRequest
from localmodel.targets.target import Target

_MOST = 1000  # records that have the id, also in what a client has sent


def request(request_id: str, word: str | None, where: dict[str, Any]) -> tuple[Target, str, CapturedRequest]:
    """The target, the deployment and the last request of this id: of the NAME or PATH, or else of any deployment.

    Raises:
        UserError: NothingCaptured.
    """
    with wrong_paths():
        target, name = deployment(word, where) if word else (chosen(where), None)
    names = [name] if name else [status.name for status in target.deployments()]
    text = json.dumps(request_id, ensure_ascii=False)
    found = [
        (name, captured)
        for name in names
        for captured in target.captured(name, _MOST, text)
        if captured.id == request_id
    ]
    if not found:
        whose = f"{name} has" if name else f"no deployment of --target {target.name} has"
        raise UserError(
            reasons.NOTHING_CAPTURED,
            f"{whose} {'not ' if name else ''}captured a request {request_id}; lmd capture NAME prints those that are "
            "kept, and spec.capture says which share is",
        )
    if len(found) > 1:
        say(f"{len(found)} captured requests have this id; this is the last one", err=True)
    return (target, *max(found, key=lambda one: one[1].time))
