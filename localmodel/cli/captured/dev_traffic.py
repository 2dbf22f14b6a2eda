"""The captured requests that lmd dev asks after each update."""

from collections.abc import Callable
from pathlib import Path

from localmodel import reasons
from localmodel.cli.captured import sides
from localmodel.dev.update import Line
from localmodel.errors import UserError
from localmodel.replay import report
from localmodel.replay.replay import replay
from localmodel.targets.captured_request import CapturedRequest
from localmodel.targets.target import Target
from localmodel_untrusted.answer_difference import Answer, Rules

_LAST = 500
_MOST_LINES = 12


def asking(traffic: str, target: Target, rules: Rules) -> Callable[[str, Callable[[], None]], list[Line]]:
    """What asks the requests of a file, or of a deployment on the target; see dev.session.Traffic.

    Raises:
        UserError: NothingCaptured, DeploymentNotFound.
    """
    file = Path(traffic)
    requests = sides.read(file, _LAST) if file.is_file() else target.captured(traffic, _LAST)
    if not requests:
        raise UserError(reasons.NOTHING_CAPTURED, f"--traffic: {traffic} has captured no request; lmd capture says why")

    def lines(name: str, check: Callable[[], None]) -> list[Line]:
        ask = sides.deployed(target, name)

        def checked(request: CapturedRequest) -> Answer | str:
            check()
            return ask(request)

        values = report.values(replay(requests, None, checked, rules), traffic, "now")
        head, *rest = report.summary(values)
        is_same = values["same"] and not (values["changed"] or values["not_comparable"])
        more = [Line("    …", "dim")] if len(rest) > _MOST_LINES else []
        return [Line(f"  {head}", "dim" if is_same else "note"), *map(_indented, rest[:_MOST_LINES]), *more]

    return lines


def _indented(text: str) -> Line:
    return Line(f"  {text}")
