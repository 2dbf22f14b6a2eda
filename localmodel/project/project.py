"""A PATH with its options and its lmd.toml, and what a target applies of it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from localmodel.disk import home
from localmodel.errors import UserError
from localmodel.output.paths import absolute
from localmodel.output.progress import Progress
from localmodel.project import before, definition, drafting, given, lmd_toml, place, settings
from localmodel.project.drafting import Parts
from localmodel.project.folder import beside, gates, lacking
from localmodel.project.place import Place
from localmodel.project.server_options import manifest_fields
from localmodel.project.settings import Settings
from localmodel.resource.manifest import Manifests
from localmodel.store import Store
from localmodel.target_table import on_cluster
from localmodel.targets.target import DeploymentStatus, ManifestSource, Planned, Target


@dataclass(frozen=True)
class Project:
    """What is to be served: the path, what the options say, and what its lmd.toml says. A manifest has neither.

    `replaces`: whether it may take the place of a deployment that another folder has. `writes`: whether what its
    requirements lack is written into their file.
    """

    place: Place
    options: Settings = Settings()  # noqa: RUF009 - it is frozen
    file: Settings = Settings()  # noqa: RUF009
    replaces: bool = False
    writes: bool = False

    @property
    def settings(self) -> Settings:
        """What options and lmd.toml say."""
        return settings.merge(self.options, self.file)

    @property
    def name(self) -> str:
        """The deployment's name.

        Raises:
            UserError: DeploymentNameInvalid; InvalidManifest.
        """
        if self.place.is_manifest:
            from localmodel.resource import manifest

            return str(manifest.read(self.place.path).deployment["metadata"]["name"])
        if (name := self.settings.name) is None:
            return beside.deployment_name(self.place)
        definition.check_name(name)
        return name

    @property
    def request(self) -> Path:
        """The file of its sample request, which need not exist."""
        return self.settings.request or self.place.root / beside.REQUEST

    def apply(self, target: Target, timeout: float | None, progress: Progress) -> list[DeploymentStatus]:
        """Have it serve. Raises UserError."""

        def act(progress: Progress) -> list[DeploymentStatus]:
            wanted, environment = self._wanted(target, progress)
            with self._in_words_of_the_path(environment):
                return target.apply(wanted, timeout, progress)

        return lacking.mended(act, self.writes, progress)

    def plan(self, target: Target, progress: Progress) -> list[Planned]:
        """What apply would do. Raises UserError."""

        def act(progress: Progress) -> list[Planned]:
            wanted, environment = self._wanted(target, progress)
            with self._in_words_of_the_path(environment):
                return target.plan(wanted, progress)

        return lacking.mended(act, self.writes, progress)

    def _wanted(self, target: Target, progress: Progress) -> tuple[ManifestSource, Path | None]:
        """What the target is given, and the file that its requirements come from."""
        if self.place.is_manifest and (on_cluster(target.name) or self.replaces):
            return self.place.path, None  # kubectl asks nobody either
        earlier = before.look(target, self.name)
        if not self.replaces and (note := before.require_own(earlier, self.place)):
            progress.note(note)
        if self.place.is_manifest:
            return self.place.path, None
        if earlier.manifests and earlier.is_of(self.place):
            base, kept = earlier.manifests, earlier.settings(self.place)
        else:
            base, kept = None, Settings(port=earlier.port)
        parts = self.read(kept, progress, fresh=base is None)
        draft = drafting.draft(base or Manifests(definition.empty(self.name), {}), parts, progress)
        return draft, parts.environment_file

    @contextlib.contextmanager
    def _in_words_of_the_path(self, environment: Path | None) -> Iterator[None]:
        """Have errors name what the user wrote, and not a manifest's fields that were made of it."""
        try:
            root = None if self.place.is_manifest else self.place.root
            if self.place.kind == "model" and environment is None:
                # It says itself what it needs: what lies beside it is another's, and what it holds is what was trained
                own = self.place.path / lacking.REQUIREMENTS
                environment, root = own if own.is_file() else None, None
            with lacking.in_words_of(environment, root):
                yield
        except UserError as error:
            text = str(error).replace("spec.models[0]: ", "") if self.place.kind == "model" else str(error)
            for field, key in self._fields_of_the_file():
                if field in text:
                    text = text.replace(field, lmd_toml.place_of(self.place.root, key))
            if text == str(error):
                raise
            raise UserError(error.reason, text) from None

    def _fields_of_the_file(self) -> Iterator[tuple[str, str]]:
        """A manifest's fields that lmd.toml alone sets, with its keys for them."""
        if self.file.port is not None and self.options.port is None:
            yield "spec.service.localPort", "port"
        if self.options.server is None:
            for name in self.file.server or {}:
                yield from ((f"spec.server.{field}", f"server.{name}") for field in manifest_fields({name: 0}))
        if self.file.capture is not None:
            yield from ((f"spec.capture.{name}", f"capture.{name}") for name in self.file.capture)
            yield "spec.capture", "capture"  # where something is missing
        for table, values in (self.file.update or {}).items():
            yield from ((f"spec.update.{table}.{name}", f"{table}.{name}") for name in values)
            yield f"spec.update.{table}", table

    def read(self, kept: Settings, progress: Progress, fresh: bool = True) -> Parts:
        """Its files, models, environment and the rest. `kept` is what was applied before; `fresh`: nothing was.

        Raises:
            UserError: what is missing or not valid.
        """
        wanted = settings.merge(self.options, self.file, kept)
        for note in settings.kept_notes(self.settings, wanted, kept):
            progress.note(note)
        if self.place.kind == "model":
            return self._of_model(wanted, progress, fresh)
        folder = self.place.root
        models = given.as_list(wanted.models or ())
        environment = beside.environment(wanted, folder)
        # A Python that was asked for before is for files: an environment of the store has its own.
        python = self.settings.python if isinstance(environment, str) else wanted.python
        packages = None
        if fresh or environment is not None or python is not None:
            choice = beside.choose(folder)
            packages = given.environment(environment, Store(home.store()), progress, python, choice.python)
            if packages.version is None and python is None:
                for note in beside.environment_notes(choice, environment, packages.spec.python):
                    progress.note(note)
        return Parts(
            code=drafting.code(*self._script(wanted), given.paths(models, self.name), progress),
            models=models if fresh or wanted.models is not None else None,
            environment=packages,
            environment_file=given.environment_file(environment),
            environment_chosen=wanted.environment is None,
            python=python or "",
            variables=wanted.variables if wanted.variables is not None or not fresh else {},
            port=wanted.port,
            server=wanted.server,
            capture=wanted.capture,
            gate=gates.read(wanted.gate, folder),
            update={table: {} for table in lmd_toml.UPDATE_TABLES} | dict(wanted.update or {}),
        )

    def _of_model(self, wanted: Settings, progress: Progress, fresh: bool) -> Parts:
        """A model alone: its script, and its environment unless one is named, are generated from it."""
        path = self.place.path
        packages = None
        if wanted.environment is not None or wanted.python is not None:
            packages = given.environment(wanted.environment, Store(home.store()), progress, wanted.python)
        return Parts(
            model_place=absolute(path) if path.exists() else path,
            models=[str(path)],
            environment=packages,
            environment_file=given.environment_file(wanted.environment),
            python=wanted.python or "",
            variables=wanted.variables if wanted.variables is not None or not fresh else {},
            port=wanted.port,
            server=wanted.server,
            capture=wanted.capture,
        )

    def _script(self, wanted: Settings) -> tuple[str | Path, Path | None]:
        """Script and folder, as drafting.code() takes them."""
        if self.place.kind == "script":
            return self.place.path, None
        entry = wanted.entry_script or place.SCRIPT
        place.require_script(Place("folder", self.place.path, entry))
        return entry, self.place.path


def load(
    path: Path,
    options: Settings = Settings(),  # noqa: B008
    replaces: bool = False,
    writes: bool = False,
) -> Project:
    """The path with its lmd.toml.

    Raises:
        UserError: as place.find() and lmd_toml.read().
    """
    located = place.find(path, options.entry_script)
    settings_of = lmd_toml.read(located.root) if located.has_settings else Settings()
    return Project(located, options, settings_of, replaces, writes)


def reread(project: Project) -> Project:
    """The same with its lmd.toml as it is now.

    Raises:
        UserError: as lmd_toml.read().
    """
    if not project.place.has_settings:
        return project
    return replace(project, file=lmd_toml.read(project.place.root))
