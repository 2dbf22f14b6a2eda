"""lmd status, wait, invoke, logs, reload, delete: commands on existing deployments."""

from dataclasses import asdict
from pathlib import Path

import click

from localmodel.cli import body, completion
from localmodel.cli.deployment.apply import sentence
from localmodel.cli.output import ConsoleProgress, Failure, output_option, pass_on, print_table, print_value, say
from localmodel.cli.target_option import all_namespaces_option, target_options
from localmodel.disk import state_file
from localmodel.targets import http
from localmodel.targets.target import DeploymentStatus, Target
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError

_TIMEOUT = click.FloatRange(min=0, min_open=True)


@click.command()
@click.argument("name", required=False, shell_complete=completion.deployments)
@output_option
@all_namespaces_option
@target_options
def status(target: Target, name: str | None, output: str) -> None:
    """Show every deployment, or the one with this NAME.

    The exit code is 1 when that one is not ready.
    It is 1, too, when what is kept of a deployment is damaged; the others are shown all the same.

    REVISION is the one that serves, DURABLE the one that a restart would serve. Ready is what was asked for last, when
    it answers: after a failed edit a deployment is not, though an older revision serves.
    """
    deployments = [target.get(name)] if name else target.deployments()
    _show(deployments, output, single=name is not None)
    for deployment in deployments:
        if deployment.damaged:
            state_file.log.warning("%s", deployment.message)
    if name and not deployments[0].ready:
        raise SystemExit(1)


def _show(deployments: list[DeploymentStatus], output: str, single: bool) -> None:
    if output != "text":
        values = [asdict(deployment) for deployment in deployments]
        print_value(values[0] if single else values, output)
        return
    rows = [
        [
            item.name,
            "yes" if item.ready else "no",
            str(item.serving or "-"),
            str(item.durable or "-"),
            item.url,
            item.message or item.detail,
        ]
        for item in deployments
    ]
    print_table(["NAME", "READY", "REVISION", "DURABLE", "URL", "MESSAGE"], rows)


@click.command()
@click.argument("name", shell_complete=completion.deployments)
@click.option("--timeout", type=_TIMEOUT, default=300.0, show_default=True, help="Seconds to wait.")
@target_options
def wait(target: Target, name: str, timeout: float) -> None:
    """Wait until the deployment NAME serves what was last applied.

    The exit code is 1 when it will not, or does not in time.
    """
    from localmodel.sdk.client import Client  # here, because the other commands do not need it

    deployment = Client._of(target).get(name)
    deployment.wait(timeout)
    say(sentence(deployment.status))


@click.command()
@click.argument("name", shell_complete=completion.deployments)
@click.option("--data", help="The request's body.")
@click.option(
    "--request",
    type=click.Path(exists=True, dir_okay=False, path_type=Path, allow_dash=True),
    help="File with the request's body, sent as it is ('-': standard input).",
)
@click.option(
    "--content-type", default="application/json", show_default=True, help="What the body is: image/png, for example."
)
@click.option("--timeout", type=_TIMEOUT, help="Seconds to wait for the answer. Default: the deployment's own limit.")
@output_option
@target_options
def invoke(
    target: Target,
    name: str,
    data: str | None,
    request: Path | None,
    content_type: str,
    timeout: float | None,
    output: str,
) -> None:
    """Send one request to the deployment NAME and print the answer.

    The exit code is 1 when the answer is an error, or there is none.
    """
    if (data is None) == (request is None):
        raise click.UsageError("give one of --data and --request")
    content = (data or "").encode() if request is None else body.read(request)
    deployment = target.get(name)
    if deployment.serving is None:
        raise Failure(f"{name} is not serving: {deployment.message}")
    answer = http.request(deployment.url, content, timeout, content_type)
    if output == "text":
        _print_body(answer)
    else:
        result = {
            "status": answer.status,
            "revision": answer.headers.get("x-localmodel-revision"),
            "request_id": answer.headers.get("x-request-id"),
            "seconds": round(answer.seconds, 6),
            "body": _json_or_text(answer.body),
        }
        print_value(result, output)
    if answer.status >= 400:
        from localmodel.sdk.client import Client  # only where something has gone wrong

        traceback = Client._of(target).get(name)._traceback(answer)
        raise Failure(f"{deployment.url} answered with status {answer.status}\n\n{traceback}".rstrip())


def _print_body(answer: http.Answer) -> None:
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


@click.command()
@click.argument("name", shell_complete=completion.deployments)
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows.")
@click.option("--lines", type=click.IntRange(min=1), help="Only the last lines. Default: all.")
@target_options
def logs(target: Target, name: str, follow: bool, lines: int | None) -> None:
    """Print the log of the deployment NAME.

    It has what the build of the environment said, the server's lines, and what the script prints; on a terminal with
    escapes for control characters, into a file or a pipe to the byte.
    """
    for piece in target.logs(name, follow, lines):
        pass_on(piece)


@click.command()
@click.argument("name", shell_complete=completion.deployments)
@click.option("--timeout", type=_TIMEOUT, help="Seconds to wait until it serves. Default: 300.")
@target_options
def reload(target: Target, name: str, timeout: float | None) -> None:
    """Read the script of the deployment NAME again, and serve it.

    It is read from where it was applied from, so this is for what was applied with a script. Models that were given as
    paths are read again, too, and a server that has ended is started. When it fails, what served goes on serving, and
    the exit code is 1.
    """
    from localmodel.sdk.client import Client  # here, because the other commands do not need it

    deployment = Client._of(target).get(name)
    deployment.reload(timeout=timeout, progress=ConsoleProgress())
    say(sentence(deployment.status))


@click.command()
@click.argument("name", shell_complete=completion.deployments)
@target_options
def delete(target: Target, name: str) -> None:
    """Stop the deployment NAME and forget it. Models and environments stay."""
    target.delete(name)
    say(f"{name}: deleted")
