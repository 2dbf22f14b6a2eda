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
        target, *names = deployment(word, where) if word else (chosen(where),)
    names = names or [status.name for status in target.deployments()]
    text = json.dumps(request_id, ensure_ascii=False)
    found: list[tuple[str, CapturedRequest]] = []
    failed: list[UserError] = []
    for name in names:
        try:
            found += [(name, one) for one in target.captured(name, _MOST, text) if one.id == request_id]
        except UserError as error:  # another one may have it
            failed.append(error)
    if failed and not found:
        raise failed[0]
    if not found:
        whose = f"{names[0]} has not" if word else f"no deployment of --target {target.name} has"
        raise UserError(
            reasons.NOTHING_CAPTURED,
            f"{whose} captured a request {request_id}; lmd capture NAME prints those that are "
            "kept, and spec.capture says which share is",
        )
    if len(found) > 1:
        say(f"{len(found)} captured requests have this id; this is the last one", err=True)
    return (target, *max(found, key=lambda one: one[1].time))
