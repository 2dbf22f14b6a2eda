"""Checks that a deployment's imports are available, before it is built or started."""

from collections.abc import Mapping
from pathlib import Path

from localmodel import pickles
from localmodel.imports import beside_code, check
from localmodel.imports.needs import Pickled
from localmodel.output.progress import Progress
from localmodel.resource.manifest import Manifests
from localmodel.targets.machine import known
from localmodel.targets.machine.resolve import Desired
from localmodel.targets.machine.state import RevisionRecord


def require(
    manifests: Manifests,
    desired: Desired,
    served: RevisionRecord | None,
    progress: Progress,
    files: Mapping[str, Path] | None = None,
) -> None:
    """Check the imports, and note what may be missing later; the imports of what `served` last are available.

    `files` are models that are not registered, by name.

    Raises:
        UserError: ModuleMissing.
    """
    wanted = desired.revision
    if served and (served.revision.lock, served.revision.bundle) == (wanted.lock, wanted.bundle):
        return
    models = [
        *check.pickled(desired.models),
        *(Pickled(f"model {name}", pickles.examine(path)) for name, path in (files or {}).items()),
    ]
    examined = models or beside_code.models(desired.files)
    missing = check.look(desired.spec, desired.files, examined, desired.lock, manifests.beside)
    for note in missing.notes:
        progress.note(note)
    if not models:
        folder = known.folder(manifests)
        if offer := beside_code.offer(desired.files, desired.spec.entry_script, folder):
            progress.note(offer)
    check.require(missing)
