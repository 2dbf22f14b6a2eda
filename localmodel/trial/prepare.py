"""Prepares the trial of an entry script, in its deployment's environment or in one that the command names."""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from localmodel import entry_script, reasons
from localmodel.advice import Known
from localmodel.disk import home, ignore_file
from localmodel.environments import stored
from localmodel.environments.locks.lock import Lock
from localmodel.errors import UserError
from localmodel.output.paths import from_here
from localmodel.output.progress import Progress
from localmodel.project import applied, before, definition, drafting, given, lmd_toml, place
from localmodel.project.folder import beside, lacking, source
from localmodel.project.given import own_python
from localmodel.project.place import Place
from localmodel.project.project import Project
from localmodel.project.settings import Settings, merge
from localmodel.resource import manifest, spec
from localmodel.resource.manifest import Manifests
from localmodel.resource.spec import DeploymentSpec, EnvironmentSpec, ModelRef, Source
from localmodel.store import Store
from localmodel.store.fetched import from_git
from localmodel.targets import server
from localmodel.targets.machine import imported, resolve, revision_folder
from localmodel.targets.machine.resolve import Desired
from localmodel.targets.machine.runner import BuiltEnvironment
from localmodel.targets.machine.state import State
from localmodel.targets.process import ProcessRunner
from localmodel.targets.target import Target
from localmodel.trial import interpreters
from localmodel.updates import revision
from localmodel.updates.revision import Revision
from localmodel_untrusted.files import UnreadableError, decoded

# The variables that a debugger at the terminal needs.
_TERMINAL = ("TERM", "COLORTERM", "PYTHONBREAKPOINT")
_NAME = "trial"


@dataclass(frozen=True)
class Wish:
    """What the command was given. Each of `models` is NAME, NAME:VERSION, a path, or NAME=PATH.

    `folder` is one with a script, `model` one that needs none: a path, an address in MLflow, or its name in the store.

    `python` is a version if there are requirements, otherwise an interpreter to use as it is. `writes`: whether what
    the folder's requirements lack is written into their file.
    """

    script: Path | None = None
    folder: Path | None = None
    manifest: Path | None = None
    requirements: Path | None = None
    python: str | None = None
    models: tuple[str, ...] = ()
    writes: bool = False
    model: Path | None = None


def wish(
    path: Path | None,
    manifest: Path | None = None,
    requirements: Path | None = None,
    python: str | None = None,
    models: tuple[str, ...] = (),
) -> Wish:
    """What a PATH, and options beside it, ask for. It may be a script, a folder, a manifest, a model, or None."""
    if path is None or manifest is not None:
        script = path if path and path.suffix == ".py" else None
        return Wish(script, None, manifest, requirements, python, models)
    if path.suffix == ".py":
        return Wish(path, None, None, requirements, python, models)
    located = place.find(path)
    if located.is_manifest:
        return Wish(None, None, path, requirements, python, models)
    if located.kind == "model":
        return Wish(requirements=requirements, python=python, models=models, model=path)
    return Wish(None, path, None, requirements, python, models)


def request(wish: Wish) -> Path | None:
    """The file of the sample request, if there is one."""
    if wish.model is not None:
        beside_it = wish.model.parent / beside.REQUEST
        return beside_it if beside_it.is_file() else None
    root = wish.folder or (wish.script or wish.manifest or Path("x")).parent
    if wish.manifest and wish.manifest.is_dir():
        root = wish.manifest
    file = lmd_toml.read(root).request or root / beside.REQUEST
    return file if file.is_file() else None


@dataclass(frozen=True)
class Trial:
    """A worker to start: its interpreter, all its environment variables, and what is known for advice.

    `sample` is the body of a request that the model itself describes.
    """

    python: Path
    variables: Mapping[str, str]
    known: Known = Known()  # noqa: RUF009 - it is frozen
    sample: bytes | None = None


def prepare(wish: Wish, folder: Path, progress: Progress, target: Callable[[], Target]) -> Trial:
    """Look everything up and build what is missing; the empty `folder` must be kept as long as the trial.

    What the wish leaves open comes from the manifest that it names, or from the one beside the script; or else from
    what was applied from the folder, if that is on the `target`.

    Raises:
        UserError: something is missing or does not fit.
    """
    if wish.script is not None and not wish.script.is_file():
        raise UserError(reasons.ENTRY_SCRIPT_MISSING, f"{wish.script}: no such file")
    if wish.model is not None:
        return _model_alone(wish.model, wish, folder, progress, target)
    root = wish.script.parent if wish.script else wish.folder or Path()
    path = wish.manifest
    if path is None and not (root / place.SETTINGS).is_file():
        path = interpreters.manifest_beside(root)
    if path is not None:
        return _deployed(path, wish, folder, progress)
    asked, kept = _applied(_project(root, wish), target, progress)
    settings = merge(asked.options, asked.file, kept)
    entry = settings.entry_script or place.SCRIPT
    if wish.script is None and not (root / entry).is_file():
        raise UserError(
            reasons.ENTRY_SCRIPT_MISSING,
            f"no {entry} in {root.absolute()}: name a script, or run this in a folder that has one, or a manifest",
        )
    environment = beside.environment(settings, root)
    if environment is None or (wish.python and not wish.requirements):
        return _alone(wish.script or root / entry, settings, wish, folder, progress)
    return lacking.mended(lambda shown: _as_deployed(asked, kept, folder, shown), wish.writes, progress)


def of_project(project: Project, folder: Path, progress: Progress, target: Callable[[], Target]) -> Trial:
    """What lmd apply would serve of the project, in the environment that it would have; see prepare().

    Raises:
        UserError: something is missing or does not fit.
    """
    path, options = project.place.path, project.options
    if project.place.is_manifest:
        return _deployed(path, Wish(manifest=path), folder, progress)
    if project.place.kind == "model":
        requirements = options.environment if isinstance(options.environment, Path) else None
        return _model_alone(path, Wish(requirements=requirements, python=options.python), folder, progress, target)
    asked, kept = _applied(_named(project), target, progress)
    return lacking.mended(lambda shown: _as_deployed(asked, kept, folder, shown), project.writes, progress)


def _project(root: Path, wish: Wish) -> Project:
    """The folder, as lmd apply takes it; a script that is named is its entry script."""
    options = Settings(
        entry_script=wish.script.name if wish.script else None,
        models=wish.models or None,
        environment=wish.requirements,
        python=wish.python if wish.requirements else None,
    )
    return _named(Project(Place("folder", root), options, lmd_toml.read(root)))


def _named(project: Project) -> Project:
    """The project with a name, if its own is none for a deployment."""
    with contextlib.suppress(UserError):
        return replace(project, options=replace(project.options, name=project.name))
    return replace(project, options=replace(project.options, name=_NAME))


def _applied(asked: Project, target: Callable[[], Target], progress: Progress) -> tuple[Project, Settings]:
    """The project under the name that it was applied with, and what it was applied with, but for the port."""
    with contextlib.suppress(UserError):
        where = target()
        nameless = replace(asked, options=replace(asked.options, name=None))
        earlier = before.look(where, applied.named(where, nameless, progress).name)
        if earlier.is_of(asked.place):
            options = replace(asked.options, name=earlier.name)
            return replace(asked, options=options), replace(earlier.settings(asked.place), port=None)
    return asked, Settings()


def _as_deployed(asked: Project, kept: Settings, folder: Path, progress: Progress) -> Trial:
    """A folder's files, models and variables only, laid out as a deployment has them."""
    parts = asked.read(kept, progress)
    models = parts.models or ()
    stored = [model for model in models if not given.paths([model], asked.name)]
    whole = replace(parts, models=stored, gate=None)
    draft = drafting.draft(Manifests(definition.empty(asked.name), {}), whole, progress)
    manifests = manifest.read(draft.manifests)
    wanted = spec.parse(manifests.deployment["spec"])
    source = Made(
        manifests, wanted, given.paths(models, asked.name), parts.environment_file, draft.store, root=asked.place.root
    )
    built, desired = _built(source, None, progress)
    known = Known(desired.models, leaves_out=partial(ignore_file.leaves_out, asked.place.root.absolute()))
    return Trial(Path(built.python), {**machine(), **_lay_out(folder, asked.name, desired, source.files, built)}, known)


def _model_alone(model: Path, wish: Wish, folder: Path, progress: Progress, target: Callable[[], Target]) -> Trial:
    """A model with the script that is generated for it, laid out as a deployment has it; nothing is registered."""
    if wish.models:
        raise UserError(reasons.ARGUMENT_INVALID, f"--model: {model} is a model itself, and is tried alone")
    options = Settings(environment=wish.requirements, python=wish.python if wish.requirements else None)
    asked, before_this = _applied(_named(Project(Place("model", model), options)), target, progress)
    draft = drafting.draft(Manifests(definition.empty(asked.name), {}), asked.read(before_this, progress), progress)
    manifests = manifest.read(draft.manifests)
    wanted = spec.parse(manifests.deployment["spec"])
    as_it_is = interpreters.named(wish.python) if wish.python and not wish.requirements else None
    built, desired = _built(Made(manifests, wanted, {}, wish.requirements, draft.store), as_it_is, progress)
    kept = Store(home.store()).layout
    with contextlib.ExitStack() as files:
        new = {
            version.name: files.enter_context(draft.store.model_files(version))
            for version in desired.models
            if not kept.has(version.weights)
        }
        registered = replace(desired, models=tuple(version for version in desired.models if version.name not in new))
        variables = {**machine(), **_lay_out(folder, asked.name, registered, new, built)}
    sample = next((str(request["body"]).encode() for request in desired.gate), None)
    return Trial(Path(built.python), variables, Known(desired.models), sample)


@dataclass(frozen=True)
class Made:
    """What is to be tried: a manifest, with models that are files, and the file that its requirements are from.

    `root` is the folder that the manifest was made of; None where it was read.
    """

    manifests: Manifests
    wanted: DeploymentSpec
    files: Mapping[str, Path]
    requirements: Path | None
    store: Store | None = None
    root: Path | None = None


def _built(made: Made, as_it_is: Path | None, progress: Progress) -> tuple[BuiltEnvironment, Desired]:
    """The environment, and all that is named, looked up. `as_it_is` is an interpreter to take instead."""
    runner = ProcessRunner()
    own = State(runner.folder, made.manifests.deployment["metadata"]["name"]).locks()
    file = from_here(made.requirements) if made.requirements else None
    with lacking.in_words_of(file, made.root), interpreters.told_of(file):
        desired = resolve.resolve(made.manifests, made.wanted, runner, progress, own, made.store)
        if not as_it_is:
            imported.require(made.manifests, desired, None, progress, made.files)
        with progress.step("environment") as done:
            built = _unpacked(as_it_is) if as_it_is else runner.build(desired.spec, desired.lock, progress)
            done(built.python)
    return built, desired


def machine() -> dict[str, str]:
    """What a server of this machine passes on, and what a debugger at the terminal wants."""
    return {name: value for name, value in os.environ.items() if server.is_passed_on(name) or name in _TERMINAL}


def _deployed(path: Path, wish: Wish, folder: Path, progress: Progress) -> Trial:
    """A trial with the manifest's files and variables only, laid out as in a deployment, so that both do the same."""
    with progress.step("manifest") as done:
        manifests = manifest.read(path)
        wanted = spec.parse(manifests.deployment["spec"])
        name = manifests.deployment["metadata"]["name"]
        done(name)
    wanted = from_git.filled_in(wanted, Store(home.store()), progress.note)
    if wish.script:
        if wish.script.name != wanted.entry_script:
            progress.note(f"{wish.script.name} is tried in place of the manifest's {wanted.entry_script}")
        manifests, wanted = _with_script(manifests, wanted, wish.script)
    references, files = _models(wish.models, name)
    if wish.models:
        wanted = replace(wanted, models=references)
    as_it_is = interpreters.named(wish.python) if wish.python and not wish.requirements else None
    if wish.requirements:
        required = interpreters.required(wish.requirements, wish.python or wanted.environment.python)
        wanted = replace(wanted, environment=required, environment_ref=None, environment_file="")
    elif as_it_is:
        own = EnvironmentSpec(own_python())
        wanted = replace(wanted, environment=own, environment_ref=None, environment_file="")
    built, desired = _built(Made(manifests, wanted, files, wish.requirements), as_it_is, progress)
    known = Known(desired.models, beside=manifests.beside)
    return Trial(Path(built.python), {**machine(), **_lay_out(folder, name, desired, files, built)}, known)


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


def _alone(script: Path, settings: Settings, wish: Wish, folder: Path, progress: Progress) -> Trial:
    """The script with the files beside it that lmd apply takes of its folder, and the shell's variables."""
    references, files = _models(settings.models or (), settings.name or script.stem)
    code = _code(script, [*files.values()], progress)
    entry_script.check(code or {script.name: script.read_bytes()}, script.name)
    models = Store(home.store()).select_models(references) if references else ()
    with progress.step("environment") as done:
        python = interpreters.named(wish.python) if wish.python else interpreters.current()
        done(str(python))
    wanted = DeploymentSpec(script.name, Source(inline={}))
    desired = Desired(wanted, code, models, {}, Lock(""), "", Revision("", "", "", "", ""))
    laid_out = _lay_out(folder, script.stem, desired, files, _unpacked(python))
    variables = {
        "AZUREML_MODEL_DIR": laid_out["AZUREML_MODEL_DIR"],
        **os.environ,
        **(settings.variables or {}),
        "PATH": laid_out["PATH"],
        "AML_APP_ROOT": laid_out["AML_APP_ROOT"] if code else str(script.absolute().parent),
        "AZUREML_ENTRY_SCRIPT": script.name,
    }
    if settings.models:
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


def _models(wanted: Sequence[str], deployment: str) -> tuple[tuple[ModelRef, ...], dict[str, Path]]:
    """Those that are registered, and those that are files or folders of this machine, by name."""
    references = []
    for text in wanted:
        if given.paths([text], deployment):
            continue
        if reference := given.at_address(text, deployment):
            references.append(reference)
            continue
        if os.sep in text:
            raise UserError(reasons.MODEL_FILE_MISSING, f"--model {text}: no such file or folder")
        references.append(_reference(text))
    return tuple(references), {name: path.resolve() for name, path in given.paths(wanted, deployment).items()}


def _reference(text: str) -> ModelRef:
    model = Store(home.store()).models.find(text)
    return ModelRef(model.name, model.version)


def _unpacked(python: Path) -> BuiltEnvironment:
    """An existing interpreter as an environment."""
    path = os.pathsep.join([str(python.parent), os.environ.get("PATH", os.defpath)])
    return BuiltEnvironment("", str(python), {"PATH": path}, "")


def _lay_out(
    folder: Path, name: str, desired: Desired, files: Mapping[str, Path], environment: BuiltEnvironment
) -> dict[str, str]:
    """Write code and models into the folder; return the variables that tell a worker where they are.

    A file that is not registered counts as version 0 of the model that it would be.
    """
    variables = revision_folder.write(folder, name, 0, desired, environment)
    root = Path(variables["AML_APP_ROOT"]) / revision.MODELS_FOLDER
    inside = [model.inside for model in desired.models]
    for model, file in files.items():
        inside.append(f"{model}/0")
        version = root / inside[-1]
        version.mkdir(parents=True, exist_ok=True)
        (version / file.name).symlink_to(file)
    return {**variables, "AZUREML_MODEL_DIR": str(root / inside[0] if len(inside) == 1 else root)}
