"""What this machine has of a revision that a cluster serves: its operator may have composed the image here."""

from localmodel import reasons
from localmodel.advice import Known
from localmodel.cluster_records.revisions import RevisionData
from localmodel.disk import home
from localmodel.environments.locks import of_digest
from localmodel.errors import UserError
from localmodel.oci.layout import Layout
from localmodel.resource.server_settings import ServerSettings
from localmodel.store import ModelVersion, Store
from localmodel.targets.kind.kind import KindTarget
from localmodel.targets.machine import revision_folder
from localmodel.trial.kept import Kept, KeptModel, not_here
from localmodel.updates import image, revision
from localmodel.updates.plan import Facts


def of(target: KindTarget, name: str, number: int) -> Kept:
    """
    Raises:
        UserError: RevisionNotFound, RevisionNotHere.
    """
    data = target.recorded(name, number)
    if data is None:
        numbers = ", ".join(str(past.revision) for past in reversed(target.history(name)))
        raise UserError(reasons.REVISION_NOT_FOUND, f"{name}: revision {number} is not kept (kept: {numbers})")
    facts = Facts.from_json(data.facts)
    layout, lock = Layout(home.store() / "images"), of_digest.find(data.digests.lock, home.store() / "locks")
    composed = image.stored(layout, data.image)
    if facts is None or lock is None or composed is None:
        raise not_here(name, number, "the store of its operator is on another machine, or no longer has it")
    if facts.secrets:
        secrets = ", ".join(sorted(facts.secrets))
        raise not_here(name, number, f"{secrets}: the value comes from a Secret, and only pods get it")
    if obeyed := sorted(filter(_is_obeyed, facts.variables)):
        raise not_here(name, number, f"{', '.join(obeyed)}: Python or the loader of this machine would obey it")
    code = image.code(layout, composed)
    models = _models(data, code)
    if models is None:
        raise not_here(name, number, "the store no longer has its models")
    return Kept(
        deployment=name,
        number=number,
        python=facts.python,
        lock=lock,
        entry=data.entryScript,
        code=code,
        models={model.name: _unpacked(model) for model in models},
        settings=_settings(data, facts),
        others={"base": data.digests.base, "server": data.digests.server},
        known=Known(models),
    )


def _is_obeyed(variable: str) -> bool:
    """Whether a variable leads to other code on this machine: who may write a record is not to choose that."""
    return variable.startswith(("LD_", "PYTHON")) or variable in {"BROWSER", "HOME", "PATH"}


def _models(data: RevisionData, code: dict[str, bytes]) -> list[ModelVersion] | None:
    """The models; None if the store has others under their names and versions, or none."""
    try:
        models = [Store(home.store()).models.find(reference) for reference in data.models]
    except UserError:
        return None
    bundle = revision.bundle_digest(revision.code_digest(data.entryScript, code), models)
    return models if bundle == data.digests.bundle else None


def _unpacked(model: ModelVersion) -> KeptModel:
    return KeptModel(str(model.version), model.digest, revision_folder.unpacked(model.weights.digest))


def _settings(data: RevisionData, facts: Facts) -> dict[str, str]:
    (container,) = (one for one in data.template["spec"]["containers"] if one["name"] == "scoring")
    named = {*facts.variables, *ServerSettings().variables()}
    return {one["name"]: one["value"] for one in container.get("env", []) if one["name"] in named and "value" in one}
