"""What `lmd dev` deploys: a project, read anew at each save."""

import contextlib
from pathlib import Path

from localmodel.dev import inputs
from localmodel.dev.inputs import Inputs
from localmodel.errors import UserError
from localmodel.output.progress import Progress
from localmodel.project import before, given, place, project
from localmodel.project.folder import beside, source
from localmodel.project.project import Project
from localmodel.targets.target import DeploymentStatus, Target


class Source:
    """See dev.session.Source."""

    def __init__(self, target: Target, project: Project, timeout: float | None) -> None:
        self._target, self._project, self._timeout = target, project, timeout
        self._models: tuple[Path, ...] | None = None

    def inputs(self) -> Inputs:
        if self._project.place.is_manifest:
            return inputs.of_manifest(self._project.place.path)
        if self._project.place.kind == "model":
            return inputs.beside({*source.files_of(self._project.place.path.absolute())})
        root = self._project.place.root.absolute()
        named = {root / name for name in (place.SETTINGS, beside.GATE, *beside.ENVIRONMENTS)}
        with contextlib.suppress(UserError):  # whoever applies it says what is wrong
            self._project = self._now()
        settings = self._project.settings
        named |= {path.absolute() for path in (settings.environment, settings.gate) if isinstance(path, Path)}
        models = self._paths_of_models()
        is_script = self._project.place.kind == "script"
        entry = self._project.place.entry if is_script else settings.entry_script or place.SCRIPT
        code = source.paths(root / entry if is_script else root, entry, models)
        weights = {file for path in models for file in source.files_of(path)}
        return inputs.beside({*named, *code, *weights})

    def names(self) -> list[str]:
        with contextlib.suppress(UserError):
            return [self._project.name]
        return []

    def apply(self, progress: Progress) -> list[DeploymentStatus]:
        self._models = None
        self._project = self._now()
        return self._project.apply(self._target, self._timeout, progress)

    def _now(self) -> Project:
        """The project as its lmd.toml says it now."""
        before = self._project
        return project.reread(before)

    def _paths_of_models(self) -> tuple[Path, ...]:
        """Where its models are read from: those that are named, or else those of the apply before."""
        with contextlib.suppress(UserError):
            if (named := self._project.settings.models) is not None:
                return tuple(given.paths(named, self._project.name).values())
            if self._models is None:
                self._models = tuple(before.look(self._target, self._project.name).model_paths().values())
        return self._models or ()
