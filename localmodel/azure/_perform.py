"""The process that works on a deployment: python -m localmodel.azure._perform NAME LOCK TASK."""

import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from typing import Any

from localmodel.azure._background import Outcome, Work
from localmodel.errors import UserError


def main(name: str, lock: str, task: str) -> None:
    """Perform the task, and record its result."""
    # Detached, because the program that deploys may end before or after this process.
    if os.fork():
        os._exit(0)
    # The lock ends with this process, so the processes that it leaves running must not inherit it.
    os.set_inheritable(int(lock), False)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that half done work is undone
    work = Work(name)
    try:
        _perform(name, **json.loads(task))
    except UserError as error:
        work.end(Outcome(str(error), getattr(error, "traceback", "")))
    except Exception as error:
        traceback.print_exc()
        work.end(Outcome(f"{type(error).__name__}: {error}; its traceback is in get_logs()"))
    else:
        work.end(Outcome())


def _perform(name: str, target: str, method: str, arguments: Mapping[str, Any]) -> None:
    from localmodel import Client  # here, because Model.deploy() would wait for its imports

    client = Client(target)
    if method == "deploy":
        client.deploy(name, **arguments, progress=True)
    elif method == "update":
        client.get(name).update(**arguments, progress=True)
    else:
        client.get(name).reload(progress=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
