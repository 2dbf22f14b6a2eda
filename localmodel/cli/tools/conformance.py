"""lmd conformance: whether a server speaks the protocols that it should."""

import click

from localmodel.cli.terminal.output import Failure, output_option, print_table, print_value
from localmodel.conformance.check import Subject, examine
from localmodel.conformance.registry import CHECKS
from localmodel.conformance.sample import find_model, make_sample
from localmodel.conformance.server import NoAnswerError, Server, WrongAnswerError


@click.command()
@click.argument("url")
@click.option("--model", help="The model's name; by default the first one that the server lists.")
@output_option
def conformance(url: str, model: str | None, output: str) -> None:
    """Check the protocols of the scoring server at URL.

    It is asked as clients of Azure ML, KServe, Triton, MLflow and SageMaker do.
    The script behind it gets made-up values, about thirty times. The exit code is 1 when something is wrong.

    \b
    Examples:
      lmd conformance http://localhost:6789
      lmd conformance http://localhost:6789 -o json
    """
    server = Server(url)
    try:
        server.get("/v2/health/live")
        model = model or find_model(server)
    except NoAnswerError as error:
        raise Failure(f"{url}: {error}") from None
    except WrongAnswerError as wrong:
        raise Failure(f"the model's name is not known ({wrong}); give it with --model") from None
    subject = Subject(server, model, make_sample(server, model))
    findings = list(examine(subject, CHECKS))
    if output != "text":
        print_value([finding._asdict() for finding in findings], output)
    else:
        rows = [[finding.name, "yes" if finding.ok else "NO", finding.remark] for finding in findings]
        print_table(["CHECK", "OK", "REMARK"], rows)
    if not all(finding.ok for finding in findings):
        raise SystemExit(1)
