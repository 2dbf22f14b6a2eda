"""lmd try: init() and run() in the deployment's own environment, without a server."""

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import click
from rich.console import Console
from rich.text import Text

from localmodel.cli import body
from localmodel.cli.target_option import chosen, where_options
from localmodel.cli.terminal.output import ConsoleProgress, Failure, output_option, pass_on, print_value
from localmodel.output.printable import printable
from localmodel.targets import in_order
from localmodel.targets.target import Target
from localmodel.trial import prepare
from localmodel.trial.worker import Answer, ScriptLoadError, TrialWorker, WorkerDiedError, parsed

_A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("try")
@click.argument("arguments", metavar="[PATH] [REQUEST]...", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--data", "texts", multiple=True, help="A request's body. Repeatable.")
@click.option("-f", "file", type=_A_FILE, help="File with the manifest. Default: the one beside the script.")
@click.option(
    "-k",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with a kustomization.yaml. Default: the script's.",
)
@click.option("--requirements", type=_A_FILE, help="File with requirements to install, instead of the manifest's.")
@click.option(
    "--python",
    help="Interpreter to use as it is, instead of the deployment's; with --requirements, the version (3.11).",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    help="NAME, NAME:VERSION, a path or NAME=PATH, instead of the models that it has. Repeatable.",
)
@click.option(
    "--write", is_flag=True, help="Write what the script imports, and the requirements lack, into their file."
)
@output_option
@where_options
def try_(
    arguments: tuple[Path, ...],
    texts: tuple[str, ...],
    file: Path | None,
    folder: Path | None,
    requirements: Path | None,
    python: str | None,
    models: tuple[str, ...],
    write: bool,
    output: str,
    **where: Any,
) -> None:
    """Import the script of PATH, call init(), and run() for each REQUEST.

    PATH is a script, a folder with one or with a kustomization.yaml, a manifest, a model that needs no script, or the
    name of what was applied from one; the current folder, if there is none. A REQUEST is a file, or '-' for standard
    input; without any it is the sample request: request.json, or the one that lmd.toml names; of a model alone, the one
    that it describes.
    Environment, models and variables are those with which lmd apply would deploy it. Where nothing describes an
    environment, the script runs in the active one, or else in that of this command, with the shell's variables.

    What the script prints goes to standard error, breakpoint() has the terminal, and standard output gets what the
    server would answer. The exit code is 1 when init() fails or a request is not answered with 200.

    \b
    Examples:
      lmd try score.py request.json --requirements requirements.txt
      lmd try score.py --data '[1, 2]'
      lmd try model.pkl
    """
    if file and folder:
        raise click.UsageError("give one of -f FILE and -k FOLDER")
    target = functools.cache(lambda: chosen(where))
    path = _path(arguments, target)
    requests = arguments[1:] if path else arguments
    wish = replace(prepare.wish(path, file or folder, requirements, python, models), writes=write)
    if not requests and not texts and (own := prepare.request(wish)):
        requests = (own,)
    bodies = [body.read(path) for path in requests] + [text.encode() for text in texts]
    with in_order.temporary_folder("lmd-try-") as place:
        ready = prepare.prepare(wish, place / "0", ConsoleProgress(), target)
        if not bodies and ready.sample is not None:
            bodies = [ready.sample]
        with TrialWorker(ready) as worker:
            outcome: _Outcome = _InText() if output == "text" else _InValue(output)
            failure = _go(worker, bodies, outcome)
    outcome.end()
    if failure:
        raise Failure(failure)


def _path(arguments: Sequence[Path], target: Callable[[], Target]) -> Path | None:
    """The first argument, if it is no request: a script, folder, manifest or model, or what a name was applied from."""
    first = arguments[0] if arguments else None
    if first is None or first.suffix == ".py" or first.is_dir() or first.suffix in (".yaml", ".yml"):
        return first
    if _is_model(first):
        return first
    if first.exists() or str(first) == "-" or first.suffix or first.parent != Path():
        return None
    from localmodel.project import applied  # few need it

    return applied.path_of(target(), str(first))


def _is_model(path: Path) -> bool:
    """Whether it is a model: its file, its address in MLflow, or its name in the store with a version or an alias."""
    from localmodel import no_code  # few need them
    from localmodel.project.place import names_model

    if path.exists():
        return no_code.is_model(path)
    return bool(re.search("[:@]", str(path))) and names_model(str(path))


def _go(worker: TrialWorker, bodies: Sequence[bytes], outcome: "_Outcome") -> str:
    """Load the script and send the requests; return what went wrong, in one line."""
    try:
        outcome.loaded(worker.load())
        failed = 0
        for number, body in enumerate(bodies, 1):
            answer = worker.ask(number, body)
            outcome.answered(number, answer)
            failed += answer.status >= 400
    except ScriptLoadError as error:
        outcome.failed(str(error), error.traceback)
        return str(error)
    except WorkerDiedError as error:
        outcome.failed(str(error), "")
        return str(error)
    return f"{failed} of {len(bodies)} requests failed" if failed else ""


class _Outcome(Protocol):
    """Reports the course of a trial."""

    def loaded(self, seconds: float) -> None:
        """The script is imported, and init() has returned."""

    def answered(self, number: int, answer: Answer) -> None:
        """A request, counted from 1, has its answer."""

    def failed(self, message: str, traceback: str) -> None:
        """Loading or a request has failed; only `end` follows."""

    def end(self) -> None:
        """Print what is not printed yet."""


class _InText:
    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    def loaded(self, seconds: float) -> None:
        self._line(f"import and init(): {seconds:.2f} s")

    def answered(self, number: int, answer: Answer) -> None:
        pass_on(answer.body + b"\n")
        took = "" if answer.run_ms is None else f", run() took {answer.run_ms:.1f} ms"
        headers = "".join(f"\n  {name}: {value}" for name, value in answer.headers or [])
        self._line(f"request {number}: status {answer.status}{took}{headers}")

    def failed(self, message: str, traceback: str) -> None:
        self._console.print(Text(printable(traceback.rstrip())), soft_wrap=True)

    def end(self) -> None:
        pass

    def _line(self, text: str) -> None:
        self._console.print(Text(printable(text), "dim"), soft_wrap=True)


class _InValue:
    def __init__(self, output: str) -> None:
        self._output = output
        self._report: dict[str, Any] = {"init_seconds": None, "answers": [], "error": None, "traceback": None}

    def loaded(self, seconds: float) -> None:
        self._report["init_seconds"] = round(seconds, 3)

    def answered(self, number: int, answer: Answer) -> None:
        result = {"status": answer.status, "run_ms": answer.run_ms, "body": parsed(answer.body)}
        self._report["answers"].append({**result, "headers": dict(answer.headers)} if answer.headers else result)

    def failed(self, message: str, traceback: str) -> None:
        self._report.update(error=message, traceback=traceback or None)

    def end(self) -> None:
        print_value(self._report, self._output)
