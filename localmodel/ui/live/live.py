"""The page with pictures of the last hour. A deployment's metrics are read only while somebody looks at them."""

import time
from threading import Lock

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localmodel.targets import figures
from localmodel.targets.target import Target
from localmodel.ui.deployments import Deployments
from localmodel.ui.live import pictures
from localmodel.ui.live.samples import Samples

_MOST_DEPLOYMENTS = 50  # whose samples are kept


class Live:
    """The figures of deployments."""

    def __init__(self, target: Target, deployments: Deployments) -> None:
        self._target, self._deployments = target, deployments
        self._samples: dict[str, Samples] = {}
        self._choosing = Lock()

    def routes(self) -> list[Route]:
        """The address of the page."""
        return [Route("/deployments/{name}/live", self.show)]

    def show(self, request: Request) -> Response:
        """The pictures; the page's script asks for them again and again, which is what makes a new sample."""
        deployment = self._deployments.find(request)
        samples = self._samples_of(deployment.name)
        samples.look(lambda: figures.counts(self._target.metrics(deployment.name)))
        now = time.monotonic()
        return self._deployments.one(
            "live", deployment, pictures=pictures.all_of(list(samples.kept(now)), now), answers=samples.answers
        )

    def _samples_of(self, name: str) -> Samples:
        with self._choosing:
            samples = self._samples.pop(name, None) or Samples()
            self._samples[name] = samples  # at the end: as the one that was looked at last
            if len(self._samples) > _MOST_DEPLOYMENTS:
                del self._samples[next(iter(self._samples))]
        return samples
