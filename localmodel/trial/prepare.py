"""Prepares the trial of an entry script, in its deployment's environment or in one that the command names."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from localmodel import entry_script, reasons, revision
from localmodel.advice import Known
from localmodel.disk import home, ignore_file
from localmodel.environments import stored
from localmodel.environments.locks.lock import Lock
from localmodel.errors import UserError
from localmodel.progress import Progress
from localmodel.resource import manifest, spec
from localmodel.resource.manifest import Manifests
from localmodel.resource.spec import DeploymentSpec, EnvironmentSpec, ModelRef, Source
from localmodel.revision import Revision
from localmodel.project import source
from localmodel.project.given import own_python
from localmodel.store import Store
from localmodel.targets import server
from localmodel.targets.machine import imported, resolve, revision_folder
from localmodel.targets.machine.resolve import Desired
from localmodel.targets.machine.runner import BuiltEnvironment
from localmodel.targets.machine.state import State
from localmodel.targets.process import ProcessRunner
from localmodel.trial import interpreters
from localmodel_untrusted.files import UnreadableError, decoded

# The variables that a debugger at the terminal needs.
_TERMINAL = ("TERM", "COLORTERM", "PYTHONBREAKPOINT")
_LONGEST_NAME = 30


@dataclass(frozen=True)
class Wish:
    """The command's arguments. Each of `models` is NAME, NAME:VERSION or a path.

    `python` is a version if there are requirements, otherwise an interpreter to use as it is.
    """

    script: Path | None = None
    manifest: Path | None = None
    requirements: Path | None = None
    python: str | None = None
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """A worker to start: its interpreter, all its environment variables, and what is known for advice."""

    python: Path
    variables: Mapping[str, str]
    known: Known = Known()  # noqa: RUF009 - it is frozen


def prepare(wish: Wish, folder: Path, progress: Progress) -> Trial:
    """Look everything up and build what is missing; the empty `folder` must be kept as long as the trial.

    What the wish leaves open comes from the manifest that it names, or from the one beside the script.

    Raises:
        UserError: something is missing or does not fit.
    """
    if wish.script is not None and not wish.script.is_file():
        raise UserError(reasons.ENTRY_SCRIPT_MISSING, f"{wish.script}: no such file")
    path = wish.manifest or interpreters.manifest_beside(wish.script.parent if wish.script else Path())
    if path is not None:
        return _deployed(path, wish, folder, progress)
    if wish.script is None:
        raise UserError(reasons.ENTRY_SCRIPT_MISSING, "name a script, or run this in a folder with a manifest")
    return _alone(wish.script, wish, folder, progress)


def _deployed(path: Path, wish: Wish, folder: Path, progress: Progress) -> Trial:
    """A trial with the manifest's files and variables only, laid out as in a deployment, so that both do the same."""
    with progress.step("manifest") as done:
        manifests = manifest.read(path)
        wanted = spec.parse(manifests.deployment["spec"])
        name = manifests.deployment["metadata"]["name"]
        done(name)
    if wish.script:
        if wish.script.name != wanted.entry_script:
            progress.note(f"{wish.script.name} is tried in place of the manifest's {wanted.entry_script}")
        manifests, wanted = _with_script(manifests, wanted, wish.script)
    references, files = _models(wish.models)
    if wish.models:
        wanted = replace(wanted, models=references)
    as_it_is = interpreters.named(wish.python) if wish.python and not wish.requirements else None
    if wish.requirements:
        required = interpreters.required(wish.requirements, wish.python or wanted.environment.python)
        wanted = replace(wanted, environment=required, environment_ref=None)
    elif as_it_is:
        wanted = replace(wanted, environment=EnvironmentSpec(own_python()), environment_ref=None)
    runner = ProcessRunner()
    with interpreters.told_of(wish.requirements):
        desired = resolve.resolve(manifests, wanted, runner, progress, State(runner.folder, name).locks())
        if not as_it_is:
            imported.require(manifests, desired, None, progress)
        with progress.step("environment") as done:
            built = _found(as_it_is) if as_it_is else runner.build(desired.spec, desired.lock, progress)
            done(built.python)
    machine = {name: value for name, value in os.environ.items() if server.is_passed_on(name) or name in _TERMINAL}
    known = Known(desired.models, beside=manifests.beside)
    return Trial(Path(built.python), {**machine, **_lay_out(folder, name, desired, files, built)}, known)


def _with_script(manifests: Manifests, wanted: DeploymentSpec, script: Path) -> tuple[Manifests, DeploymentSpec]:
    """The manifests and the spec, with the script's text as the entry script."""
    wanted = replace(wanted, entry_script=script.name)
    source = wanted.source
    if source.inline is not None:
        try:
            inline = {**source.inline, script.name: decoded(script.read_bytes())}
        except UnreadableError as error:
            raise UserError(reasons.ENTRY_SCRIPT_INVALID, f"{script}: {error}") from None
        return manifests, replace(wanted, source=Source(inline=inline))
    name = source.config_map or ""
    files = stored.code(source.code, Store(home.store())) if source.code else manifests.config_maps.get(name, {})
    maps = {**manifests.config_maps, name: {**files, script.name: script.read_bytes()}}
    return replace(manifests, config_maps=maps), replace(wanted, source=Source(config_map=name))


def _alone(script: Path, wish: Wish, folder: Path, progress: Progress) -> Trial:
    """A trial of the script with the files that `lmd apply` would take from its folder, and the shell's variables."""
    references, files = _models(wish.models)
    code = _code(script, files, progress)
    entry_script.check(code or {script.name: script.read_bytes()}, script.name)
    models = Store(home.store()).select_models(references) if references else ()
    if wish.requirements:
        required = interpreters.required(wish.requirements, wish.python)
        python = interpreters.built(required, wish.requirements, progress)
    else:
        with progress.step("environment") as done:
            python = interpreters.named(wish.python) if wish.python else interpreters.current()
            done(str(python))
    wanted = DeploymentSpec(script.name, Source(inline={}))
    desired = Desired(wanted, code, models, {}, Lock(""), "", Revision("", "", "", "", ""))
    laid_out = _lay_out(folder, script.stem, desired, files, _found(python))
    variables = {
        "AZUREML_MODEL_DIR": laid_out["AZUREML_MODEL_DIR"],
        **os.environ,
        "PATH": laid_out["PATH"],
        "AML_APP_ROOT": laid_out["AML_APP_ROOT"] if code else str(script.absolute().parent),
        "AZUREML_ENTRY_SCRIPT": script.name,
    }
    if wish.models:
        variables["AZUREML_MODEL_DIR"] = laid_out["AZUREML_MODEL_DIR"]
    known = Known(models, leaves_out=partial(ignore_file.leaves_out, script.absolute().parent))
    return Trial(python, variables, known)


def _code(script: Path, models: Sequence[Path], progress: Progress) -> Mapping[str, bytes]:
    """The files that `lmd apply` would take from the script's folder; if it would refuse them, none: it runs there."""
    _, entry = source.locate(script, None)
    try:
        code = source.read(script.absolute().parent, entry, models)
    except UserError as error:
        if error.reason not in (reasons.SOURCE_TOO_LARGE, reasons.SOURCE_INVALID):
            raise
        progress.note(f"tried in place, although lmd apply refuses the folder: {error}")
        return {}
    for note in code.notes:
        progress.note(note)
    return code.files


def _models(wanted: Sequence[str]) -> tuple[tuple[ModelRef, ...], tuple[Path, ...]]:
    """The registered models, and those that are files or folders on this machine."""
    references, files = [], []
    for text in wanted:
        if Path(text).exists():
            files.append(Path(text).resolve())
        elif os.sep in text:
            raise UserError(reasons.MODEL_FILE_MISSING, f"--model {text}: no such file or folder")
        else:
            references.append(_reference(text))
    return tuple(references), tuple(files)


def _reference(text: str) -> ModelRef:
    model = Store(home.store()).models.find(text)
    return ModelRef(model.name, model.version)


def _found(python: Path) -> BuiltEnvironment:
    """An existing interpreter as an environment."""
    path = os.pathsep.join([str(python.parent), os.environ.get("PATH", os.defpath)])
    return BuiltEnvironment("", str(python), {"PATH": path}, "")


def _lay_out(
    folder: Path, name: str, desired: Desired, files: Sequence[Path], environment: BuiltEnvironment
) -> dict[str, str]:
    """Write code and models into the folder; return the variables that tell a worker where they are.

    An unregistered file counts as version 0 of a model of its own name, as in Azure ML.
    """
    variables = revision_folder.write(folder, name, 0, desired, environment)
    root = Path(variables["AML_APP_ROOT"]) / revision.MODELS_FOLDER
    inside = [model.inside for model in desired.models]
    for file in files:
        inside.append(f"{file.stem[:_LONGEST_NAME]}/0")
        version = root / inside[-1]
        version.mkdir(parents=True, exist_ok=True)
        (version / file.name).symlink_to(file)
    return {**variables, "AZUREML_MODEL_DIR": str(root / inside[0] if len(inside) == 1 else root)}
