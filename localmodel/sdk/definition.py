"""From values to the manifest of a deployment, and from a source folder to the files that are kept of it."""

import copy
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from localmodel import schema
from localmodel.errors import UserError
from localmodel.spec import EnvironmentSpec
from localmodel.store import CodeVersion, EnvironmentVersion, ModelVersion

DEFAULT_PORT = 6789
# Annotation of a manifest: where its code was read from, so that it can be read again.
SOURCE = "localmodel.dev/source"

_LARGEST = 64 << 20
_MOST_FILES = 10_000
_MADE_BY_TOOLS = ("__pycache__", "node_modules")
# What an environment's folder has: venv and virtualenv, conda.
_ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta")
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,46}[a-z0-9])?")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def manifest(
    name: str,
    *,
    code: CodeVersion,
    models: Sequence[ModelVersion] = (),
    environment: EnvironmentVersion | EnvironmentSpec,
    variables: Mapping[str, str] | None = None,
    port: int = DEFAULT_PORT,
    server: Mapping[str, int] | None = None,
    replicas: int = 1,
    source: Path | None = None,
) -> dict[str, Any]:
    """The manifest of a deployment; see changed() for the fields.

    It is checked when it is applied, and means the same on every target.
    """
    empty = {"apiVersion": schema.API_VERSION, "kind": schema.KIND, "metadata": {"name": name}, "spec": {}}
    return changed(
        empty,
        code=code,
        models=models,
        environment=environment,
        variables=variables or {},
        port=port,
        server=server or {},
        replicas=replicas,
        source=source,
    )


def changed(
    before: Mapping[str, Any],
    *,
    code: CodeVersion | None = None,
    models: Sequence[ModelVersion] | None = None,
    environment: EnvironmentVersion | EnvironmentSpec | None = None,
    variables: Mapping[str, str] | None = None,
    port: int | None = None,
    server: Mapping[str, int] | None = None,
    replicas: int | None = None,
    source: Path | None = None,
) -> dict[str, Any]:
    """A copy of the manifest in which each field that is given takes the place of the one before.

    `variables` are the deployment's own: an environment of the store brings its variables itself. `server` has the
    fields of `spec.server` (workers, scoringTimeoutSeconds, maxRequestBytes). `source` is where `code` was read from.
    """
    after = copy.deepcopy(dict(before))
    spec = after["spec"]
    if code is not None:
        spec["scoring"] = {
            "entryScript": code.entry,
            "source": {"code": {"name": code.name, "version": code.version}},
        }
        annotations = after["metadata"].setdefault("annotations", {})
        annotations.pop(SOURCE, None)
        if source is not None:
            annotations[SOURCE] = str(source)
    if models is not None:
        spec["models"] = [{"name": model.name, "version": model.version} for model in models]
    if environment is not None:
        spec["environment"] = _environment(environment)
    if variables is not None:
        spec["env"] = [{"name": key, "value": variables[key]} for key in variables]
    if port is not None:
        spec["service"] = {**spec.get("service", {}), "localPort": port}
    if server is not None:
        spec["server"] = dict(server)
    if replicas is not None:
        spec["replicas"] = replicas
    return after


def _environment(environment: EnvironmentVersion | EnvironmentSpec) -> dict[str, Any]:
    if isinstance(environment, EnvironmentVersion):
        return {"ref": {"name": environment.name, "version": environment.version}}
    if environment.dockerfile is not None:
        raise ValueError("a manifest has no field for a Dockerfile: register the environment")
    fields: dict[str, Any] = {"python": environment.python, "requirements": list(environment.requirements)}
    if environment.base_image is not None:
        fields["baseImage"] = environment.base_image
    return fields


def check_name(name: str) -> None:
    """Before anything is kept under the name: a Service is named after it.

    Raises:
        UserError: DeploymentNameInvalid.
    """
    if not _NAME.fullmatch(name):
        raise UserError(
            "DeploymentNameInvalid",
            f"{name!r} is no name for a deployment: lower-case letters, digits and '-', starting with a letter and "
            "not ending with '-', at most 48",
        )


def locate(script: str | Path, folder: str | Path | None) -> tuple[Path, str]:
    """Where code is read from, for source_files(), and its entry script as named there.

    With a source folder, `script` is a path in it; without, a path of its own, and the script stands for itself and
    the modules beside it.

    Raises:
        UserError: EntryScriptMissing.
    """
    if folder is None:
        source = Path(script).expanduser().absolute()
        if not source.is_file():
            raise UserError("EntryScriptMissing", f"{script}: no such file")
        return source, source.name
    root = Path(folder).expanduser().absolute()
    path = root / script
    if not path.is_file() or not path.resolve().is_relative_to(root.resolve()):
        raise UserError("EntryScriptMissing", f"{script}: no such file in the source folder {root}")
    return root, path.resolve().relative_to(root.resolve()).as_posix()


def source_files(source: Path) -> dict[str, bytes]:
    """The source folder's files, by path in it. A script stands for all modules (`*.py`) of its folder.

    Left out are hidden files and folders, `__pycache__`, `node_modules`, virtual environments, and links to folders.

    Raises:
        UserError: SourceMissing, SourceTooLarge (64 MiB and 10,000 files in all), SourceInvalid.
    """
    if not source.exists():
        raise UserError("SourceMissing", f"{source}: the code was read from here, and there is nothing any more")
    root, suffix = (source.parent, ".py") if source.is_file() else (source, "")
    paths = []
    for path in _walk(root):
        if path.name.endswith(suffix):
            paths.append(path)
        if len(paths) > _MOST_FILES:
            raise UserError("SourceTooLarge", f"{root}: more than {_MOST_FILES:,} files; is this the source folder?")
    try:
        sizes = {path: path.stat().st_size for path in paths}
        if sum(sizes.values()) > _LARGEST:
            raise _too_large(root, sizes)
        return {_inside(path, root): path.read_bytes() for path in sorted(paths)}
    except OSError as error:
        raise UserError("SourceInvalid", f"{error.filename}: cannot be read: {error.strerror}") from None


def _walk(root: Path) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if _is_source(Path(folder, name)))
        for name in names:
            path = Path(folder, name)
            if not name.startswith(".") and (path.is_file() or path.is_symlink()):
                yield path


def _is_source(folder: Path) -> bool:
    if folder.name.startswith(".") or folder.name in _MADE_BY_TOOLS:
        return False
    return not any((folder / mark).exists() for mark in _ENVIRONMENT_MARKS)


def _inside(path: Path, root: Path) -> str:
    name = path.relative_to(root).as_posix()
    if not name.isprintable():  # undecodable names among them
        raise UserError("SourceInvalid", f"{name!r} in {root}: a file name without control characters is needed")
    return name


def _too_large(root: Path, sizes: Mapping[Path, int]) -> UserError:
    largest = max(sizes, key=lambda path: sizes[path])
    return UserError(
        "SourceTooLarge",
        f"{root}: {_mebibytes(sum(sizes.values()))} of code, and at most {_mebibytes(_LARGEST)} are kept; the largest "
        f"file is {largest.relative_to(root)} ({_mebibytes(sizes[largest])}). Register what is a model as a model, "
        "keep data elsewhere, or name a smaller folder",
    )


def _mebibytes(size: int) -> str:
    return f"{size / (1 << 20):.0f} MiB"


def model_name(path: Path) -> str:
    """The name under which a file or folder is registered that was given without one: its own, cleaned."""
    stem = path.stem if path.is_file() else path.name
    return _NOT_IN_A_NAME.sub("-", stem)[:255].strip(".-_") or "model"
