"""lmd invoke: requests to a deployment, and their answers."""

from collections.abc import Iterable
from pathlib import Path

import click

from localmodel.cli import body, folder_words
from localmodel.cli.deployment import own_request
from localmodel.cli.project_options import deployment_options
from localmodel.cli.seconds import Seconds
from localmodel.cli.terminal.output import ConsoleProgress, Failure, output_option, pass_on, print_value
from localmodel.targets import http
from localmodel.targets.http import Answer
from localmodel.targets.target import Target
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError


@click.command()
@body.data_option
@body.request_option
@body.content_type_option
@click.option(
    "--timeout",
    type=Seconds(),
    help="Seconds to wait for each answer. Default: the deployment's own limit.",
)
@output_option
@deployment_options
def invoke(
    target: Target,
    name: str,
    data: str | None,
    request: Path | None,
    content_type: str | None,
    timeout: float | None,
    output: str,
) -> None:
    """Send a request to the deployment NAME and print the answer.

    Without --data and --request it is the sample request that lmd.toml names, or request.json, of the folder that it
    was applied from; of a model that is served without a script, the one that the model describes.
    Of JSON lines each is a request, and each answer is a line. All rows of a CSV file are one request, in the form
    that the deployment's schema has: records, a table in two parts, or rows; without a schema rows under `data`. The
    file's first line is names of columns, unless it holds a number.

    The exit code is 1 when an answer is an error, or there is none.

    \b
    Examples:
      lmd invoke ./churn
      lmd invoke churn --request customers.csv -o json
    """
    data, request = own_request.given_or_own(target, name, data, request)
    deployment = target.get(name)
    message = "" if deployment.ready else folder_words.of(target, name)(deployment.message)
    if deployment.serving is None:
        raise Failure(f"{name} is not serving: {message or deployment.detail}")
    if message:
        ConsoleProgress().note(f"revision {deployment.serving} answers: {message}")
    url = target.reach(deployment)
    requests = body.requests(data, request, content_type, lambda: body.example(url))
    answers = (http.request(url, content, timeout, kind) for content, kind in requests)
    if len(requests) > 1:
        _print_all(answers, output)
        return
    answer = next(answers)
    if output == "text":
        _print_body(answer)
    else:
        print_value(_value(answer), output)
    if answer.status >= 400:
        from localmodel.sdk.client import Client  # only where something has gone wrong

        traceback = Client._of(target).get(name)._traceback(answer)
        raise Failure(f"{deployment.url} answered with status {answer.status}\n\n{traceback}".rstrip())


def _print_all(answers: Iterable[Answer], output: str) -> None:
    """Print a line for each answer as it comes, or all of them for a program."""
    all_ = []
    for answer in answers:
        all_.append(answer)
        if output == "text":
            pass_on(b" ".join(answer.body.splitlines()) + b"\n")
    if output != "text":
        print_value([_value(answer) for answer in all_], output)
    failed = [number for number, answer in enumerate(all_, 1) if answer.status >= 400]
    if failed:
        status = all_[failed[0] - 1].status
        raise Failure(f"{len(failed)} of {len(all_)} answers are errors; the first is number {failed[0]}: {status}")


def _value(answer: Answer) -> dict[str, object]:
    return {
        "status": answer.status,
        "revision": answer.headers.get("x-localmodel-revision"),
        "request_id": answer.headers.get("x-request-id"),
        "seconds": round(answer.seconds, 6),
        "body": _json_or_text(answer.body),
    }


def _print_body(answer: Answer) -> None:
    """Print text with a line break after it, and anything else byte for byte, so that it can go into a file."""
    kind = answer.headers.get("content-type", "")
    if kind.startswith("text/") or "json" in kind:
        pass_on(answer.body.decode(errors="replace") + "\n")
    else:
        pass_on(answer.body)


def _json_or_text(body: bytes) -> object:
    try:
        return json_text.parse_loosely(body)
    except UnreadableError:
        return body.decode(errors="replace")
