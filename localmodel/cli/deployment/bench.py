"""lmd bench: how many requests a deployment answers, and how quickly."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from localmodel.cli import body
from localmodel.cli.deployment import own_request
from localmodel.cli.project_options import deployment_options
from localmodel.cli.seconds import Seconds
from localmodel.cli.terminal import human
from localmodel.cli.terminal.output import ConsoleProgress, Failure, output_option, print_table, print_value, say
from localmodel.targets import http
from localmodel.targets.target import Target

if TYPE_CHECKING:
    from localmodel.benchmark.result import Result

_MOST_CLIENTS = 256
_MOST_REQUESTS = 1_000_000
_MOST_SECONDS = 600.0
_SECONDS = 10.0


@click.command()
@body.data_option
@body.request_option
@body.content_type_option
@click.option(
    "-c",
    "--clients",
    type=click.IntRange(1, _MOST_CLIENTS),
    default=1,
    show_default=True,
    help="How many send at the same time, each one request after the other.",
)
@click.option("--count", type=click.IntRange(1, _MOST_REQUESTS), help="Stop after so many requests in all.")
@click.option(
    "--seconds",
    type=Seconds(_MOST_SECONDS),
    help=f"Stop after so many seconds. Default: {_SECONDS:g}, or with --count at most {_MOST_SECONDS:g}.",
)
@output_option
@deployment_options
def bench(
    target: Target,
    name: str,
    data: str | None,
    request: Path | None,
    content_type: str | None,
    clients: int,
    count: int | None,
    seconds: float | None,
    output: str,
) -> None:
    """Measure how many requests per second the deployment NAME answers, and how quickly.

    Requests are as for lmd invoke, also without --data and --request; of JSON lines each is sent in turn. One is sent
    first, and must be answered well. The durations are those within which 50, 90 and 99 of 100 requests were answered.
    Ctrl-C ends it early.

    The exit code is 1 when an answer is an error, or there is none.

    \b
    Examples:
      lmd bench ./churn -c 8
      lmd bench churn --data '[1, 2]' --count 10000 -o json
    """
    from localmodel.benchmark import measure  # here, because help does not need its imports

    data, request = own_request.given_or_own(target, name, data, request)
    deployment = target.get(name)
    if deployment.serving is None:
        raise Failure(f"{name} is not serving: {deployment.why}")
    url = target.reach(deployment)
    requests = body.requests(data, request, content_type, lambda: body.example(url))
    first = http.request(url, requests[0][0], None, requests[0][1])
    if first.status >= 400:
        text = first.body.decode(errors="replace")
        raise Failure(f"nothing is measured: the request is answered with status {first.status}: {text}")
    load = measure.Load(clients, seconds or (_MOST_SECONDS if count else _SECONDS), count)
    with ConsoleProgress().step(f"{clients} clients" if clients > 1 else "1 client") as done:
        result = measure.measure(url, requests, load)
        done(f"{result.requests} requests")
    if output != "text":
        print_value(asdict(result), output)
    else:
        _print(result)
    if result.errors:
        raise SystemExit(1)


def _print(result: "Result") -> None:
    durations = (result.p50_seconds, result.p90_seconds, result.p99_seconds, result.max_seconds)
    row = [
        f"{result.requests_per_second:.1f}",
        *("-" if duration is None else human.duration(duration) for duration in durations),
    ]
    print_table(["REQUESTS/S", "P50", "P90", "P99", "MAX", "ERRORS"], [[*row, str(result.errors)]])
    for kind, count in result.kinds.items():
        say(f"{count} errors: {kind}")
    if result.client_is_limit:
        say("the client itself was the limit: it had no more of its processor; a program such as wrk can send more")
