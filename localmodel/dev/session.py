"""Updates a deployment whenever one of its files is saved, until Ctrl-C."""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from localmodel import reasons
from localmodel.dev import failing, sample, snapshot, stopwatch, update
from localmodel.dev.inputs import Inputs
from localmodel.dev.sample import Reply
from localmodel.dev.snapshot import Snapshot
from localmodel.dev.stopwatch import Stage, Stopwatch
from localmodel.dev.update import Line
from localmodel.dev.wakes import wakes
from localmodel.errors import UserError
from localmodel.output.progress import Progress
from localmodel.targets.machine.local import LocalTarget
from localmodel.targets.target import DeploymentStatus, Target

_SECONDS_BETWEEN_LOOKS = 0.1


# Asks a deployment captured requests; calls the function, which raises to give it up, before each of them.
Traffic = Callable[[str, Callable[[], None]], list[Line]]


class Source(Protocol):
    """What is deployed."""

    def inputs(self) -> Inputs:
        """The files that it is made from now."""

    def names(self) -> list[str]:
        """The names of its deployments, as far as they are known without applying it."""

    def apply(self, progress: Progress) -> list[DeploymentStatus]:
        """Serve it.

        Raises:
            UserError: it does not serve.
        """


class Screen(Protocol):
    """Where the session is shown."""

    def busy(self, title: str | None) -> None:
        """Show what is going on; None ends it."""

    def say(self, lines: Sequence[Line]) -> None: ...


class Session:
    """One run of `lmd dev`.

    `request` is the file with the sample request, which may be missing.
    """

    def __init__(
        self,
        target: Target,
        source: Source,
        request: Path,
        screen: Screen,
        traffic: Traffic | None = None,
    ) -> None:
        self._target, self._source, self._screen = target, source, screen
        self._traffic = traffic
        self._request = request.absolute()
        self._seen: Snapshot = {}
        self._next_look = 0.0
        self._waited = self._again = False
        self._serving: dict[str, DeploymentStatus] = {}
        self._reply: Reply | None = None
        self._notes: list[str] = []

    def run(self) -> None:
        """Update at once, and then at each save, until KeyboardInterrupt."""
        inputs = self._inputs()
        self._seen = snapshot.take(inputs.files)
        self._update("at the start", None)
        names = sorted(path.name for path, look in self._seen.items() if look)
        self._screen.say([Line(f"watching {', '.join(names)}; Ctrl-C ends watching; the deployment goes on serving")])
        while True:
            inputs = self._inputs()
            for _ in wakes(inputs.folders):
                self._look(inputs.files)
                if self._inputs() != inputs:
                    break

    def end(self) -> list[str]:
        """Sentences on what still serves after the watching has ended."""
        return [text for name in self._serving if (text := failing.goes_on(self._target, name))]

    def _inputs(self) -> Inputs:
        inputs = self._source.inputs()
        folders = inputs.folders | ({self._request.parent} if self._request.parent.is_dir() else set())
        return Inputs(inputs.files | {self._request}, folders)

    def _look(self, files: Iterable[Path]) -> None:
        """Update if a file has changed."""
        now = snapshot.take(files)
        saved = snapshot.changed(self._seen, now)
        if not saved and self._again:
            self._update("once more", None)
        if not saved:
            return
        if snapshot.is_between(self._seen, now) and not self._waited:
            self._waited = True  # a file that is being written is usually complete at the next look
            return
        since_save = snapshot.seconds_since(saved, now, time.time())
        self._seen, self._waited = now, False
        if self._request in saved:
            self._reply = None
        what = ", ".join(path.name for path in saved[:3]) + (f" and {len(saved) - 3} more" if len(saved) > 3 else "")
        if saved == [self._request]:
            self._screen.say(self._answers())
        else:
            self._update(what, since_save)

    def _update(self, what: str, since_save: float | None) -> None:
        """Serve the current files; `since_save` is in seconds."""
        begun, watch = time.monotonic(), Stopwatch(self._screen.busy, self._note, self._give_up)
        seen = [] if since_save is None else [Stage("seen", since_save)]
        before = {name: deployment.serving for name, deployment in self._serving.items()}
        what = f"{time.strftime('%H:%M:%S')} {what}"
        self._again = changed = False
        try:
            deployments = self._source.apply(watch)
        except UserError as error:
            self._again = error.reason == reasons.BUSY
            names = list(self._serving) or self._source.names()
            parts = [*seen, *stopwatch.until(begun, watch.steps)]
            if error.reason == reasons.SUPERSEDED:
                lines = update.given_up(what, str(error), parts)
            else:
                lines = update.failed(what, failing.describe(error, self._target, names), parts)
        else:
            self._serving = {deployment.name: deployment for deployment in deployments}
            parts = stopwatch.stages(begun, watch.steps, time.monotonic(), self._load_times())
            changed = before != {deployment.name: deployment.serving for deployment in deployments}
            if answers := self._answers() if changed else []:
                parts.append(Stage("answer", time.monotonic() - begun - sum(part.seconds for part in parts)))
            lines = [*update.served(what, deployments, changed, [*seen, *parts]), *answers]
        if before and watch.plan and not watch.plan.startswith("swap"):
            lines.append(Line(f"  {watch.plan}", "note"))  # why it took longer than most edits
        self._notes = watch.notes
        self._screen.say(lines)
        if changed and self._traffic:
            self._ask_traffic(self._traffic)

    def _ask_traffic(self, traffic: Traffic) -> None:
        """Say how captured answers change, of the first deployment that serves."""
        name = next((name for name, one in self._serving.items() if one.serving is not None), None)
        if name is None:
            return
        self._screen.busy("captured requests")
        try:
            lines = traffic(name, self._give_up)
        except UserError as error:
            lines = [Line(f"  captured requests: {error}", "note" if error.reason == reasons.SUPERSEDED else "bad")]
        self._screen.busy(None)
        self._screen.say(lines)

    def _give_up(self) -> None:
        """Give the update up if a file other than the request has been saved since it began.

        Raises:
            UserError: Superseded.
        """
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _SECONDS_BETWEEN_LOOKS
        now = snapshot.take(self._seen)
        saved = [path.name for path in snapshot.changed(self._seen, now) if path != self._request]
        if saved and not snapshot.is_between(self._seen, now):
            raise UserError(reasons.SUPERSEDED, f"{saved[0]} has been saved again")

    def _load_times(self) -> dict[str, float]:
        """The milliseconds that the server reports for its load, by part."""
        if not isinstance(self._target, LocalTarget) or len(self._serving) != 1:
            return {}
        status = self._target.place(*self._serving).main.status()
        return dict(status.milliseconds) if status else {}

    def _answers(self) -> list[Line]:
        """Lines on the answer to the sample request; none without a request, or if nothing serves."""
        serving = next((deployment for deployment in self._serving.values() if deployment.serving is not None), None)
        try:
            reply = sample.ask(self._target.reach(serving), self._request) if serving else None
        except UserError as error:
            return [Line(str(error), "bad")]
        if serving is None or reply is None:
            return []
        before, self._reply = self._reply, reply
        traceback = failing.of_request(self._target, serving.name, reply.raised) if reply.raised else ""
        return update.answers(self._request.name, before, reply, traceback)

    def _note(self, text: str) -> None:
        """Print a note unless the previous update had the same one, so that a warning is not repeated at each save."""
        if text not in self._notes and text != "nothing has changed":
            self._screen.say([Line(text, "note")])
