"""lmd rerun: a captured request, asked again of the revision that answered it."""

from typing import TYPE_CHECKING, Any

import click

from localmodel import reasons
from localmodel.cli import completion
from localmodel.cli.captured import found, sides
from localmodel.cli.captured.rules import comparing
from localmodel.cli.target_option import where_options
from localmodel.cli.terminal.output import output_option, print_value, say
from localmodel.errors import UserError
from localmodel.targets.captured_request import CapturedRequest

if TYPE_CHECKING:
    from localmodel_untrusted.answer_difference import Answer, Rules


@click.command()
@click.argument("request_id", metavar="REQUEST-ID")
@click.argument("name", metavar="[NAME|PATH]", required=False, shell_complete=completion.deployments)
@comparing()
@output_option
@where_options
def rerun(request_id: str, name: str | None, rules: "Rules", output: str, **where: Any) -> None:
    """Ask a captured request again, of the revision that answered it.

    REQUEST-ID is the answer's x-request-id. The revision's own code, models, packages and settings are taken from what
    is kept, in a process of this machine, whatever serves now and whatever the target. It is asked twice: a place in
    which these two answers differ is named and not compared.

    The exit code is 1 when the answer differs, or cannot be compared.

    \b
    Examples:
      lmd rerun 6f1c8a90-33c8-4b43-8f20-06b2f1c5a4b7
      lmd rerun 6f1c8a90-33c8-4b43-8f20-06b2f1c5a4b7 churn --relative 1e-9
    """
    from localmodel.replay import captured, report
    from localmodel.replay.replay import replay

    target, called, request = found.request(request_id, name, where)
    if captured.is_redacted(request):
        raise UserError(reasons.NOTHING_CAPTURED, f"{request_id}: its values are redacted, so it cannot be asked again")
    number = next((past.revision for past in target.history(called) if str(past.revision) == request.revision), None)
    if number is None and not request.revision.isdecimal():
        raise UserError(reasons.REVISION_NOT_FOUND, f"{request_id}: its record names no revision")
    if number is None:
        raise UserError(reasons.REVISION_NOT_FOUND, f"{request_id}: its revision is not kept any more")
    answers: list[Answer] = []
    with sides.kept(target, called, number) as ask:

        def asked(request: CapturedRequest) -> "Answer | str":
            answer = ask(request)
            if not isinstance(answer, str):
                answers.append(answer)
            return answer

        result = replay([request], None, asked, rules)
    values = report.values(result, "captured", f"revision {number}")
    same = bool(answers) and (answers[0].status, answers[0].body) == (request.status, request.answer)
    if output != "text":
        print_value(report.plain({"id": request_id, "deployment": called, "same_bytes": same, **values}), output)
    elif same and request.status >= 500:
        say(f"revision {number} of {called} fails again, with status {request.status}; what with is not captured")
    elif same:
        say(f"revision {number} of {called} gives the same {len(answers[0].body)} bytes")
    else:
        if values["same"]:
            say(f"revision {number} of {called} gives the same values, in other bytes")
        for line in report.summary(values):
            say(line)
    if result.changed or result.incomparable or not result.compared:
        raise SystemExit(1)
