#!/usr/bin/env python3
"""From nothing to a prediction, and from an edit to the changed answer: `make demo`, and `make demo-stop` to end it.

Everything it makes is below .lmd in the checkout, or below LOCALMODEL_HOME if that is set.
"""

import asyncio
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("LOCALMODEL_HOME", str(ROOT / ".lmd"))

from localmodel.cli.output import ConsoleProgress  # noqa: E402
from localmodel.disk import home  # noqa: E402
from localmodel.environments.locks import lock as locks  # noqa: E402
from localmodel.environments.venvs import venv  # noqa: E402
from localmodel.errors import UserError  # noqa: E402
from localmodel.resource import manifest, spec  # noqa: E402
from localmodel.targets import http  # noqa: E402

SAMPLE = ROOT / "manifests" / "samples" / "sklearn-mnist"
MODEL = SAMPLE / "sklearn_mnist_model.pkl"
LMD = Path(sys.executable).with_name("lmd")
NAME = "sklearn-mnist"
ANSWER = "return model.predict(pictures).tolist()"
CHANGED_ANSWER = 'return {"digit": int(model.predict(pictures)[0])}'


def main() -> int:
    """Run the demo, or stop what it started; return the exit code."""
    try:
        if sys.argv[1:] == ["stop"]:
            stop()
        else:
            demo()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode  # the command has printed why
    return 0


def demo() -> None:
    """Train, register, apply, ask, edit, apply, ask."""
    title("The sample's environment, and its model")
    python = build_environment()
    if MODEL.exists():
        print(f"{shown(MODEL)} is there already")
    else:
        run(python, SAMPLE / "train.py")
    lmd("model", "register", MODEL, "--name", "sklearn_mnist")

    title("Serve it")
    lmd("apply", "-k", SAMPLE)
    url = ask()

    title("Edit the script, here in a copy, and apply it again")
    edited = edited_copy()
    started = time.monotonic()
    lmd("apply", "-k", edited)
    print(f"the edit took {time.monotonic() - started:.1f} s, and the address has stayed:")
    if ask() != url:
        raise UserError("AddressChanged", "the second answer came from another address")

    moved = "" if home.home() == Path("~/.localmodel").expanduser() else f"LOCALMODEL_HOME={shown(home.home())} "
    title("It goes on serving")
    print(f"its log:     {moved}{shown(LMD)} logs {NAME} -f")
    print("to stop it:  make demo-stop")


def stop() -> None:
    """Stop the deployment, if it exists; the model and the environment stay for the next time."""
    known = json.loads(subprocess.check_output([LMD, "status", "-o", "json"]))
    if any(deployment["name"] == NAME for deployment in known):
        lmd("delete", NAME)
    else:
        print(f"{NAME} does not run")


def build_environment() -> Path:
    """Build the environment of the sample's manifest; return its interpreter."""
    wanted = spec.parse(manifest.read(SAMPLE).deployment["spec"]).environment
    with ConsoleProgress().step("environment") as done:
        lock = asyncio.run(locks.resolve(wanted, None, home.store() / "locks"))
        python = asyncio.run(venv.build(lock, wanted.python, home.home() / "environments"))
        done(f"Python {wanted.python} with {', '.join(wanted.requirements)}")
    return python


def edited_copy() -> Path:
    """A copy of the sample whose run() answers with an object."""
    copy = home.home() / "demo" / NAME
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(SAMPLE, copy, ignore=shutil.ignore_patterns("*.pkl"))
    script = copy / "score.py"
    text = script.read_text()
    if ANSWER not in text:
        raise UserError("SampleChanged", f"{shown(SAMPLE)}/score.py no longer has the line the demo edits: {ANSWER}")
    script.write_text(text.replace(ANSWER, CHANGED_ANSWER))
    print(f"- {ANSWER}\n+ {CHANGED_ANSWER}")
    return copy


def ask() -> str:
    """POST the sample's request, print the answer, and return the address."""
    url: str = json.loads(subprocess.check_output([LMD, "status", NAME, "-o", "json"]))["url"]
    answer = http.request(url, (SAMPLE / "request.json").read_bytes())
    print(f"POST {shown(SAMPLE)}/request.json to {url}\n{answer.body.decode()}")
    if answer.status != 200:
        raise UserError("NoPrediction", f"{url} answered with status {answer.status}")
    return url


def lmd(*arguments: str | Path) -> None:
    """Run one of our commands."""
    run(LMD, *arguments)


def run(*command: str | Path) -> None:
    """Show a command and run it."""
    print(f"$ {shlex.join(shown(Path(part)) if isinstance(part, Path) else part for part in command)}", flush=True)
    subprocess.run(command, check=True)


def title(text: str) -> None:
    """Print the title of a part."""
    print(f"\n== {text}", flush=True)


def shown(path: Path) -> str:
    """The path relative to the current folder."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    sys.exit(main())
