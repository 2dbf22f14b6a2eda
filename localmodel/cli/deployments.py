"""lmd status, invoke, logs, delete: deployments that are there."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from localmodel.cli.output import Failure, output_option, print_json, print_table
from localmodel.cli.target_option import target_options
from localmodel.targets import http
from localmodel.targets.target import Target


@click.command()
@click.argument("name", required=False)
@output_option
@target_options
def status(target: Target, name: str | None, output: str) -> None:
    """Show every deployment, or the one with this NAME; the exit code is 1 when that one is not ready."""
    deployments = [target.get(name)] if name else target.deployments()
    if output == "json":
        values = [asdict(deployment) for deployment in deployments]
        print_json(values[0] if name else values)
    else:
        print_table(
            ["NAME", "READY", "REVISION", "URL", "MESSAGE"],
            [
                [one.name, "yes" if one.ready else "no", str(one.serving or "-"), one.url, one.message]
                for one in deployments
            ],
        )
    if name and not deployments[0].ready:
        raise SystemExit(1)


@click.command()
@click.argument("name")
@click.option("--data", help="The request's body, as JSON.")
@click.option(
    "--request",
    type=click.Path(exists=True, dir_okay=False, path_type=Path, allow_dash=True),
    help="File with the request's body ('-': standard input).",
)
@output_option
@target_options
def invoke(target: Target, name: str, data: str | None, request: Path | None, output: str) -> None:
    """Send one request to the deployment NAME and print the answer."""
    if (data is None) == (request is None):
        raise click.UsageError("give one of --data and --request")
    if request is None:
        body = (data or "").encode()
    else:
        body = sys.stdin.buffer.read() if str(request) == "-" else request.read_bytes()
    deployment = target.get(name)
    if deployment.serving is None:
        raise Failure(f"{name} is not serving: {deployment.message}")
    answer = http.request(deployment.url, body)
    if output == "json":
        print_json(
            {
                "status": answer.status,
                "revision": answer.headers.get("x-localmodel-revision"),
                "seconds": round(answer.seconds, 6),
                "body": _json_or_text(answer.body),
            }
        )
    else:
        click.echo(answer.body.decode(errors="replace"))
    if answer.status >= 400:
        raise Failure(f"{deployment.url} answered with status {answer.status}")


def _json_or_text(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


@click.command()
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows.")
@target_options
def logs(target: Target, name: str, follow: bool) -> None:
    """Print the log of the deployment NAME: the server's lines, and what the script prints."""
    for piece in target.logs(name, follow):
        click.echo(piece, nl=False)


@click.command()
@click.argument("name")
@target_options
def delete(target: Target, name: str) -> None:
    """Stop the deployment NAME and forget it. Models and environments stay."""
    target.delete(name)
    click.echo(f"{name}: deleted")
