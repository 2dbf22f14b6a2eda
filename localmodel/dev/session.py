"""Updating a deployment whenever a file that it is made from is saved, until Ctrl-C."""

import time
from collections.abc import Iterable, Sequence
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
from localmodel.progress import Progress
from localmodel.targets.machine.local import LocalTarget
from localmodel.targets.target import DeploymentStatus, Target

_SECONDS_BETWEEN_LOOKS = 0.1


class Source(Protocol):
    """What is deployed."""

    def inputs(self) -> Inputs:
        """The files that it is made from, as they are named now."""

    def names(self) -> list[str]:
        """Names of the deployments, as far as they can be told without applying it."""

    def apply(self, progress: Progress) -> list[DeploymentStatus]:
        """Have it serve. Raises UserError."""


class Screen(Protocol):
    """Where it is told."""

    def busy(self, title: str | None) -> None:
        """What is going on just now; None: nothing any more."""

    def say(self, lines: Sequence[Line]) -> None: ...


class Session:
    """One run of lmd dev. `request` is the file of the sample request, which need not exist."""

    def __init__(self, target: Target, source: Source, request: Path, screen: Screen) -> None:
        self._target, self._source, self._screen = target, source, screen
        self._request = request.absolute()
        self._seen: Snapshot = {}
        self._next_look = 0.0
        self._waited = self._again = False
        self._serving: dict[str, DeploymentStatus] = {}
        self._reply: Reply | None = None
        self._notes: list[str] = []

    def run(self) -> None:
        """Update at once, and then at each save. Ends with KeyboardInterrupt only."""
        inputs = self._inputs()
        self._seen = snapshot.take(inputs.files)
        self._update("at the start", None)
        there = sorted(path.name for path, look in self._seen.items() if look)
        self._screen.say([Line(f"watching {', '.join(there)}; Ctrl-C ends watching; the deployment goes on serving")])
        while True:
            inputs = self._inputs()
            for _ in wakes(inputs.folders):
                self._look(inputs.files)
                if self._inputs() != inputs:
                    break

    def end(self) -> list[str]:
        """What goes on when nobody watches any more."""
        return [text for name in self._serving if (text := failing.goes_on(self._target, name))]

    def _inputs(self) -> Inputs:
        found = self._source.inputs()
        folders = found.folders | ({self._request.parent} if self._request.parent.is_dir() else set())
        return Inputs(found.files | {self._request}, folders)

    def _look(self, files: Iterable[Path]) -> None:
        """Update, if a file is another than it was."""
        now = snapshot.take(files)
        saved = snapshot.changed(self._seen, now)
        if not saved and self._again:
            self._update("once more", None)
        if not saved:
            return
        if snapshot.is_between(self._seen, now) and not self._waited:
            self._waited = True  # what is half written now is whole at the next look, mostly
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
        """Bring what is there now into service; `since_save` in seconds."""
        begun, watch = time.monotonic(), Stopwatch(self._screen.busy, self._note, self._give_up)
        seen = [] if since_save is None else [Stage("seen", since_save)]
        before = {name: each.serving for name, each in self._serving.items()}
        what = f"{time.strftime('%H:%M:%S')} {what}"
        self._again = False
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
            self._serving = {each.name: each for each in deployments}
            parts = stopwatch.stages(begun, watch.steps, time.monotonic(), self._load_times())
            changed = before != {each.name: each.serving for each in deployments}
            if answers := self._answers() if changed else []:
                parts.append(Stage("answer", time.monotonic() - begun - sum(part.seconds for part in parts)))
            lines = [*update.served(what, deployments, changed, [*seen, *parts]), *answers]
        if before and watch.plan and not watch.plan.startswith("swap"):
            lines.append(Line(f"  {watch.plan}", "note"))  # why it took longer than edits mostly do
        self._notes = watch.notes
        self._screen.say(lines)

    def _give_up(self) -> None:
        """Raises UserError (Superseded) when a file has been saved since the update began, but for the request."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _SECONDS_BETWEEN_LOOKS
        now = snapshot.take(self._seen)
        saved = [path.name for path in snapshot.changed(self._seen, now) if path != self._request]
        if saved and not snapshot.is_between(self._seen, now):
            raise UserError(reasons.SUPERSEDED, f"{saved[0]} has been saved again")

    def _load_times(self) -> dict[str, float]:
        """What the server says that it took for its candidate: milliseconds by part."""
        if not isinstance(self._target, LocalTarget) or len(self._serving) != 1:
            return {}
        status = self._target.place(*self._serving).main.status()
        return dict(status.milliseconds) if status else {}

    def _answers(self) -> list[Line]:
        """How the sample request is answered now; nothing where there is none, or nothing that answers."""
        serving = next((each for each in self._serving.values() if each.serving is not None), None)
        try:
            reply = sample.ask(serving.url, self._request) if serving else None
        except UserError as error:
            return [Line(str(error), "bad")]
        if serving is None or reply is None:
            return []
        before, self._reply = self._reply, reply
        traceback = failing.of_request(self._target, serving.name, reply.raised) if reply.raised else ""
        return update.answers(self._request.name, before, reply, traceback)

    def _note(self, text: str) -> None:
        """Say what the update before had not to say: a warning that stays is not said at each save."""
        if text not in self._notes and text != "nothing has changed":
            self._screen.say([Line(text, "note")])
