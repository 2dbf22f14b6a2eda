"""Changes that go on while the page shows what they are at."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Thread

from localmodel.errors import UserError
from localmodel.output.progress import Progress


class Job:
    """Implements `Progress` and `Live`: one change of a deployment."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.lines: list[str] = []
        self.at = ""
        self.failed = ""
        self.ended = False

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """The title now, and a line when the step has ended well."""
        outcome: list[str] = []
        self.at = title
        yield outcome.append
        self.at = ""
        self.lines.append(f"{title}: {''.join(outcome) or 'done'}")

    def note(self, text: str) -> None:
        self.lines.append(text)

    def now(self, text: str) -> None:
        self.at = text


class Work:
    """The last change of each deployment that was begun from this page."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._beginning = Lock()

    def of(self, name: str) -> Job | None:
        """The last one of this deployment."""
        return self._jobs.get(name)

    def begin(self, name: str, title: str, change: Callable[[Progress], object]) -> bool:
        """Begin a change, unless another one of this deployment goes on."""
        with self._beginning:
            last = self._jobs.get(name)
            if last is not None and not last.ended:
                return False
            job = self._jobs[name] = Job(title)

        def run() -> None:
            try:
                change(job)
            except UserError as error:
                job.failed = str(error)
            except Exception as error:  # it must not go on for ever, nor print a traceback on lmd ui's terminal
                job.failed = f"{type(error).__name__}: {error}"
            finally:
                job.at, job.ended = "", True

        Thread(target=run, daemon=True).start()
        return True
