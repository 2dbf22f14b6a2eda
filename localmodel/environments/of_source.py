"""The environment that one of the script's own files defines: `spec.environment.file`."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from localmodel import reasons
from localmodel.environments.formats import asked, files
from localmodel.environments.formats.definition import reading_only
from localmodel.errors import UserError
from localmodel.resource.spec import DeploymentSpec, EnvironmentSpec, Variable

FIELD = "spec.environment.file"
# What files with packages are called, and those that they name.
_ENDINGS = (".txt", ".in", ".yml", ".yaml", ".toml", ".lock")


def filled_in(spec: DeploymentSpec, source: Mapping[str, bytes]) -> DeploymentSpec:
    """The spec with the environment of its file in the source, and with that one's variables unless the spec has them.

    Raises:
        UserError: EnvironmentInvalid, RequirementsUnresolvable: with the line of the file.
    """
    name = spec.environment_file
    if not name:
        return spec
    if name not in source:
        there = ", ".join(sorted(path for path in source if path.endswith(_ENDINGS))) or "none"
        raise UserError(reasons.ENVIRONMENT_INVALID, f"{FIELD}: the source has no {name} (found: {there})")
    with told_of(spec, source), _laid_out(source) as folder:
        wanted = spec.environment
        python = wanted.python if spec.own_python else None
        definition = files.read_packages(folder / name, python, EnvironmentSpec.python)
        environment = replace(definition.spec, base_image=wanted.base_image)
        asked.read(environment)
    own = {variable.name for variable in spec.env}
    added = tuple(Variable(key, text) for key, text in sorted(definition.variables.items()) if key not in own)
    return replace(spec, environment=environment, env=(*spec.env, *added))


@contextmanager
def told_of(spec: DeploymentSpec, source: Mapping[str, bytes]) -> Iterator[None]:
    """Have errors of the block name lines of the file, if there is one, instead of a manifest's fields."""
    try:
        yield
    except UserError as error:
        if not spec.environment_file:
            raise
        raise UserError(error.reason, in_words(spec, source, str(error))) from None


def in_words(spec: DeploymentSpec, source: Mapping[str, bytes], text: str) -> str:
    """The text with lines of the file, if there is one, in the place of a manifest's fields."""
    if not spec.environment_file:
        return text
    with _laid_out(source) as folder:
        return _as_in_source(files.in_words_of(folder / spec.environment_file, text), folder)


def _as_in_source(text: str, folder: Path) -> str:
    return text.replace(f"{folder}/", "")


@contextmanager
def _laid_out(source: Mapping[str, bytes]) -> Iterator[Path]:
    """A folder with the files that packages may be named in; errors of the block name them as in the source."""
    with tempfile.TemporaryDirectory(prefix="localmodel-") as name:
        folder = Path(name).resolve()
        for path, content in source.items():
            if path.endswith(_ENDINGS) and (folder / path).resolve().is_relative_to(folder):
                _lay_out(folder, path, content)
        try:
            # Whoever reads it for a manifest must not read files of its own for it
            with reading_only(folder):
                yield folder
        except UserError as error:
            raise UserError(error.reason, _as_in_source(str(error), folder)) from None


def _lay_out(folder: Path, path: str, content: bytes) -> None:
    try:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    except (FileExistsError, IsADirectoryError, NotADirectoryError):
        raise UserError(
            reasons.ENVIRONMENT_INVALID, f"{FIELD}: {path}: the source has a file and a folder of one name there"
        ) from None
