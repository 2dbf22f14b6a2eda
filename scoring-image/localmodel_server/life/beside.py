"""A candidate that is tried on real requests beside the revision that serves: it answers some of them, or copies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from localmodel_server.figures import Figures
from localmodel_server.http.app import Application, Canary
from localmodel_server.http.split import Split
from localmodel_server.life.loader import Loader
from localmodel_server.life.revision import Candidate
from localmodel_server.life.shadow import Shadow
from localmodel_server.log import logger
from localmodel_server.state import CandidateState

if TYPE_CHECKING:
    from prometheus_client.core import Metric


class Trial(NamedTuple):
    """How a candidate is tried: as a `canary` it answers a share of the requests, as a `shadow` it gets copies."""

    role: str
    percent: float
    sticky: Optional[str] = None
    force: Optional[str] = None


class Beside:
    """Tries one candidate at a time, until it serves or is dropped."""

    def __init__(self, application: Application, loader: Loader) -> None:
        self._application = application
        self._server = application.state
        self._loader = loader
        self._candidate: Candidate | None = None
        self._trial: Trial | None = None
        self._state: CandidateState | None = None
        self._shadow: Shadow | None = None
        self._figures: dict[str, Figures] = {}
        self._since = 0.0
        loader.on_leave = self._leave
        self._server.metrics.more = self._metrics

    async def follow(self, candidate: Candidate, trial: Trial | None) -> None:
        """Try a candidate that is not the serving one in this way, or not any more.

        What is counted starts again with each change.

        Raises:
            LoadError: its workers are needed at full priority again, and new ones do not load.
        """
        if candidate is self._candidate and trial == self._trial:
            return
        is_canary = self._trial is not None and self._trial.role == "canary"
        if not (is_canary and trial is not None and trial.role == "canary"):
            self._leave(None)
            await self._loader.restore_priority(candidate)
        if trial is None:
            return
        figures = Figures(candidate.revision.number)
        if trial.role == "shadow":
            self._loader.lower_priority(candidate)
            self._shadow = self._application.shadow = Shadow(self._server, candidate.pool, trial.percent, figures)
        else:
            await self._answer_some(candidate, trial, figures)
        self._candidate, self._trial, self._since = candidate, trial, time.monotonic()
        self._server.metrics.figures = Figures(self._server.revision)
        self._figures = {"serving": self._server.metrics.figures, "candidate": figures}
        logger.info("revision %r is a %s for %g %% of the requests", figures.revision, trial.role, trial.percent)

    async def before_commit(self, candidate: Candidate) -> None:
        """Have the candidate ready to serve at once.

        Raises:
            LoadError
        """
        if self._shadow is not None:
            await self.follow(candidate, None)

    def report(self) -> dict[str, Any] | None:
        """What has been seen of the candidate since the last change, as JSON."""
        if self._trial is None:
            return None
        report = {**self._trial._asdict(), "seconds": round(time.monotonic() - self._since, 3)}
        report.update({role: figures.as_object() for role, figures in self._figures.items()})
        return {**report, "copies": None if self._shadow is None else dict(self._shadow.counts)}

    async def _answer_some(self, candidate: Candidate, trial: Trial, figures: Figures) -> None:
        headers = (None if name is None else name.encode() for name in (trial.sticky, trial.force))
        split = Split(candidate.pool.settings.environment.get("LOCALMODEL_CONTENT", ""), trial.percent, *headers)
        if self._state is None:
            self._loader.wake(candidate)
            state = CandidateState(self._server, figures)
            application = Application(state)
            # Making the routes of other dialects takes longer than many an answer.
            await application.routes.made()
            state.dispatcher.switch(candidate.pool)
            self._state, self._application.canary = state, Canary(split, application)
        elif self._application.canary is not None:
            self._state.metrics.figures = figures
            self._application.canary = self._application.canary._replace(split=split)

    def _leave(self, candidate: Candidate | None) -> None:
        """End the trial of a candidate; None: whichever it is."""
        if candidate is not None and candidate is not self._candidate:
            return
        self._application.canary = self._application.shadow = self._server.metrics.figures = None
        if self._shadow is not None:
            self._shadow.stop()
        if self._state is not None:
            self._state.end()
        self._candidate = self._trial = self._shadow = self._state = None
        self._figures = {}

    def _metrics(self) -> Iterator[Metric]:
        trial, shadow, figures = self._trial, self._shadow, self._figures
        if trial is None:
            return
        from prometheus_client.core import CounterMetricFamily, SummaryMetricFamily

        labels = ["revision", "role"]
        requests = CounterMetricFamily(
            "localmodel_revision_requests",
            "Requests of a revision while a candidate is tried",
            labels=[*labels, "status"],
        )
        seconds = SummaryMetricFamily(
            "localmodel_revision_duration_seconds", "Their duration, from arrival to answer", labels=labels
        )
        for role, counted in figures.items():
            names = [counted.revision, trial.role if role == "candidate" else role]
            statuses = list(counted.statuses.items())
            for status, count in statuses:
                requests.add_metric([*names, str(status)], count)
            seconds.add_metric(names, sum(count for _, count in statuses), counted.seconds)
        yield requests
        yield seconds
        if shadow is not None:
            copies = CounterMetricFamily(
                "localmodel_shadow_requests", "Copies of requests for a candidate", labels=["revision", "result"]
            )
            for result, count in list(shadow.counts.items()):
                copies.add_metric([figures["candidate"].revision, result], count)
            yield copies
