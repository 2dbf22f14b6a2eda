"""The page that shows two revisions beside each other."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localmodel.disk import home
from localmodel.environments.locks import lock
from localmodel.errors import UserError
from localmodel.resource import spec
from localmodel.sdk.deployment import Deployment
from localmodel.store import Store
from localmodel.targets.target import PastRevision, Target
from localmodel.ui import differences, words
from localmodel.ui.deployments import Deployments, number
from localmodel.ui.differences import Change, FileChange
from localmodel.updates import revision

_MOST_VERSIONS = 200  # of code, each of which is read


@dataclass(frozen=True)
class Content:
    """What differs in the content of both revisions; None where this machine lacks that of one of them."""

    files: list[FileChange] | None
    packages: list[Change] | None


class Comparing:
    """Two revisions of a deployment."""

    def __init__(self, target: Target, deployments: Deployments) -> None:
        self._target, self._deployments = target, deployments

    def routes(self) -> list[Route]:
        """The address of the page."""
        return [Route("/deployments/{name}/compare", self.show)]

    def show(self, request: Request) -> Response:
        """The differences, in the order in which they came."""
        deployment = self._deployments.find(request)
        history = deployment.history()
        before, after = (chosen(request, key, deployment.name, history) for key in ("from", "to"))
        timeline = words.timeline(history, self._deployments.words_for(deployment.name))
        low, high = sorted((before.revision, after.revision))
        return self._deployments.one(
            "compare",
            deployment,
            before=before,
            after=after,
            timeline=timeline,
            between=[entry for entry in timeline if low < entry.revision <= high],
            parts=differences.parts(before.digests, after.digests),
            models=differences.models(before.models, after.models),
            content=self._content(deployment, before, after),
            settings=self._settings(deployment, before, after),
        )

    def _settings(self, deployment: Deployment, before: PastRevision, after: PastRevision) -> list[Change] | None:
        """The settings that differ, or None where there is no record of those of both."""
        recorded = [self._target.facts(deployment.name, past.revision) for past in (before, after)]
        return None if recorded[0] is None or recorded[1] is None else differences.settings(recorded[0], recorded[1])

    def _content(self, deployment: Deployment, before: PastRevision, after: PastRevision) -> Content:
        locks = _locks({past.digests.get("lock", "") for past in (before, after)})
        texts = [locks.get(past.digests.get("lock", "")) for past in (before, after)]
        codes = [self._target.code(deployment.name, past.revision) for past in (before, after)]
        if not all(codes):
            stored = stored_code(deployment, {before.code, after.code})
            codes = [stored.get(past.code, {}) for past in (before, after)]
        return Content(
            differences.files(*codes) if all(codes) else None,
            None if texts[0] is None or texts[1] is None else differences.packages(texts[0], texts[1]),
        )


def chosen(request: Request, key: str, name: str, history: list[PastRevision]) -> PastRevision:
    """The revision whose number the address has under this key."""
    wanted = number(request.query_params.get(key, ""))
    for past in history:
        if past.revision == wanted:
            return past
    raise HTTPException(404, f"{name} has no revision {wanted} any more.")


def stored_code(deployment: Deployment, wanted: set[str]) -> dict[str, dict[str, bytes]]:
    """The files of each wanted digest of a source folder, as far as the store has them."""
    source, store = spec.parse(deployment.manifest["spec"]).source, Store(home.store())
    if source.code is None:
        return {}
    made: dict[str, dict[str, bytes]] = {}
    try:
        for version in store.code.list(source.code.name)[::-1][:_MOST_VERSIONS]:
            files = store.code.files(version)
            digest = revision.code_digest(version.entry, files)
            if digest in wanted:
                made[digest] = files
            if made.keys() == wanted:
                break
    except UserError:
        pass  # lmd doctor says what the store has lost
    return made


def _locks(wanted: set[str]) -> dict[str, str]:
    """The text of each wanted digest of a lock, as far as the store has it."""
    made: dict[str, str] = {}
    for path in sorted((home.store() / "locks").glob("*.txt")):
        try:
            kept = lock.kept(path)
        except UserError:
            continue
        if kept.digest in wanted:
            made[kept.digest] = kept.text
    return made
