"""lmd capture: the requests that a deployment has kept."""

from collections import Counter
from pathlib import Path

import click

from localmodel import reasons
from localmodel.cli.captured import cloud_events
from localmodel.cli.project_options import deployment_options
from localmodel.cli.terminal.output import pass_on, say
from localmodel.disk import user_file
from localmodel.errors import UserError
from localmodel.output.printable import one_line
from localmodel.targets.target import Target
from localmodel_untrusted import json_text


@click.command()
@click.option(
    "--last", "count", type=click.IntRange(min=1), default=500, show_default=True, help="How many requests at most."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write, for its owner alone. Default: standard output.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "cloudevents"]),
    default="jsonl",
    show_default=True,
    help="A line of JSON for each request, or two CloudEvents as KServe's logger sends them.",
)
@deployment_options
def capture(target: Target, name: str, count: int, output: Path | None, form: str) -> None:
    """Get the requests that the deployment NAME has captured, with their answers.

    The oldest comes first. spec.capture in the manifest says which share is captured, how much is kept, and which
    values are never written. The exit code is 1 when there is none.

    \b
    Examples:
      lmd capture churn --last 500 -o requests.jsonl
      lmd capture churn --target kind --format cloudevents
    """
    requests = target.captured(name, count)
    if not requests:
        raise _nothing(target, name)
    lines = [request._line for request in requests]
    content = b"".join(lines) if form == "jsonl" else cloud_events.lines([*map(json_text.parse, lines)], name)
    if output is None:
        pass_on(content)
    else:
        with user_file.replacing(output, 0o600) as file:
            file.write(content)
        say(f"{_requests(len(requests))} of {name}: {output}", err=True)
    for reason, number in Counter(request.left_out.get("body", "") for request in requests).most_common():
        if reason:
            say(f"{_requests(number)} without a body: {one_line(reason)}", err=True)


def _nothing(target: Target, name: str) -> UserError:
    wanted = target.manifests(name).deployment["spec"].get("capture", {}).get("percent", 0)
    why = (
        "capturing is on, but none has come since it was turned on"
        if wanted
        else "capturing is off; set spec.capture.percent in its manifest, or percent below [capture] in lmd.toml, and "
        "apply it"
    )
    return UserError(reasons.NOTHING_CAPTURED, f"no request of {name} has been captured: {why}")


def _requests(count: int) -> str:
    return f"{count} request{'' if count == 1 else 's'}"
