"""The pages about the store: models with their versions, environments with their locks, and downloads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from localmodel import digests
from localmodel.disk import home, state_file
from localmodel.environments import here
from localmodel.environments.venvs import venv
from localmodel.errors import UserError
from localmodel.oci import layers
from localmodel.requirements import hashes
from localmodel.store import EnvironmentVersion, ModelVersion, Store, uses
from localmodel.ui.pages import Pages
from localmodel.ui.paging import Page, positive
from localmodel.upkeep.disk import Count
from localmodel_untrusted import tar

_BYTES = "application/octet-stream"


@dataclass(frozen=True)
class Line:
    """A version of a model with what the store knows beside it.

    `users` are the revisions that were made with it, `file` is the name of its only file, or "".
    """

    version: ModelVersion
    aliases: Sequence[str]
    users: Sequence[str]
    file: str

    @property
    def warnings(self) -> list[str]:
        """What to know before its pickles are loaded."""
        pickles = self.version.pickles
        unsafe = [f"known to be unsafe: {what}" for what in pickles.get("unsafe", ())]
        return [*unsafe, *(f"not known to be harmless: {what}" for what in pickles.get("unknown", ()))]


class StorePages:
    """The store in LOCALMODEL_HOME."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def routes(self) -> list[Route]:
        """The addresses of the pages."""
        return [
            Route("/models", self.models),
            Route("/models/{name}", self.model),
            Route("/models/{name}/{version}/tar", self.download_tar),
            Route("/models/{name}/{version}/file", self.download_file),
            Route("/environments", self.environments),
            Route("/environments/{name}/{version}", self.environment),
        ]

    def models(self, request: Request) -> Response:
        """The latest version of each model: of all, of those whose names have a word, or else whose texts have it."""
        wanted, records = request.query_params.get("q", "").strip(), _store().models.records
        latest = [(name, numbers[-1]) for name, numbers in records.numbered(state_file.skip).items()]
        named = [(name, number) for name, number in latest if wanted.lower() in name.lower()]
        everywhere = "everywhere" in request.query_params or not named
        if wanted and everywhere:  # takes reading all of them
            models = [version for version in records.read(latest, state_file.skip) if matches(version, wanted)]
            page = Page.of(request, len(models))
            shown = models[page.first : page.last]
        else:
            page = Page.of(request, len(named))
            shown = [*records.read(named[page.first : page.last], state_file.skip)]
        return self._pages.render("models", models=shown, wanted=wanted, everywhere=everywhere, page=page)

    def model(self, request: Request) -> Response:
        """The versions of a model, newest first."""
        name, store = request.path_params["name"], _store()
        models = store.models
        models.known(name)  # or it is not there
        numbers = models.versions(name)[::-1]
        page = Page.of(request, len(numbers))
        versions = [models.known(f"{name}:{number}") for number in numbers[page.first : page.last]]
        aliases, users = models.aliases(name), uses.gather(home.store(), state_file.skip)
        lines = [
            Line(
                version,
                [alias for alias, number in aliases.items() if number == version.version],
                [str(use) for use in users if f"{name}:{version.version}" in use.models],
                _file_name(store, version),
            )
            for version in versions
        ]
        return self._pages.render("model", name=name, lines=lines, page=page)

    def download_tar(self, request: Request) -> Response:
        """The tar with the model's files, whose digest the version names."""
        version, path = _content(request)
        headers = {"etag": f'"{version.weights.digest}"'}
        return FileResponse(path, media_type=_BYTES, filename=f"{version.name}-{version.version}.tar", headers=headers)

    def download_file(self, request: Request) -> Response:
        """The model's file as it was registered, if it is a single one."""
        version, path = _content(request)
        member = only_file(path)
        if member is None:
            raise HTTPException(404, f"{version.name}:{version.version} is a folder; download it as a tar.")
        headers = {
            "content-length": str(member.size),
            "content-disposition": f"attachment; filename*=utf-8''{quote(member.path.name, safe='')}",
        }
        return StreamingResponse(_chunks(path, member), media_type=_BYTES, headers=headers)

    def environments(self, request: Request) -> Response:
        """Every version of every environment."""
        records = _store().environments.records
        numbered = records.numbered(state_file.skip)
        versions = [(name, number) for name, numbers in numbered.items() for number in numbers]
        page = Page.of(request, len(versions))
        shown = [*records.read(versions[page.first : page.last], state_file.skip)]
        return self._pages.render("environments", versions=shown, page=page)

    def environment(self, request: Request) -> Response:
        """An environment with its lock, and what it takes where it is installed."""
        version = _store().environments.get(request.path_params["name"], _number(request))
        lock = here.known_lock(version)
        place = None if lock is None else home.home() / "environments" / venv.key(lock, version.spec.python)
        installed = None if place is None or not place.exists() else Count().add([place])[0]
        return self._pages.render(
            "environment",
            version=version,
            packages=None if lock is None else packages(lock.text),
            installed=installed,
            image=image(version),
        )


def matches(version: ModelVersion, wanted: str) -> bool:
    """Whether a model's name, description or tags have the word."""
    tags = (f"{key}={value}" for key, value in version.tags.items())
    return any(wanted.lower() in text.lower() for text in (version.name, version.description, *tags))


def only_file(path: Path) -> tar.Member | None:
    """The file in a model's tar, if there is nothing else in it."""
    with layers.reading(path) as file:
        first = list(islice(layers.members(file), 2))
    return first[0] if len(first) == 1 and not first[0].is_folder else None


def packages(lock: str) -> list[str]:
    """The packages of a lock with their versions."""
    return [block.splitlines()[0].rstrip(" \\") for block in hashes.packages(lock)]


def image(version: EnvironmentVersion) -> str:
    """What is below the packages, in words."""
    if version.spec.dockerfile is not None:
        return "made by a Dockerfile"
    return version.spec.base_image or f"{version.spec.base} (default)"


def _store() -> Store:
    return Store(home.store())


def _file_name(store: Store, version: ModelVersion) -> str:
    """The name of the only file of a model, or "" where there are more, or its content is elsewhere or damaged."""
    if not digests.is_digest(version.weights.digest) or not store.layout.has(version.weights):
        return ""
    try:
        member = only_file(store.layout.path(version.weights.digest))
    except UserError:  # the download says what is wrong with it
        return ""
    return "" if member is None else member.path.name


def _content(request: Request) -> tuple[ModelVersion, Path]:
    """The version that the address names, and the tar of its files.

    Raises:
        UserError: there is no such version, or its content cannot be had.
    """
    store = _store()
    version = store.models.fetch(request.path_params["name"], _number(request))
    digest = version.weights.digest
    if not digests.is_digest(digest):  # its record may be anybody's, and a digest becomes a path
        raise HTTPException(404, f"{version.name}:{version.version} has a record that is not valid.")
    return version, store.layout.path(digest)


def _chunks(path: Path, member: tar.Member) -> Iterator[bytes]:
    with layers.reading(path) as file:
        yield from tar.chunks(file.fileno(), member)


def _number(request: Request) -> int:
    number = positive(request.path_params["version"])
    if number is None:
        raise HTTPException(404, "A version is a number.")
    return number
