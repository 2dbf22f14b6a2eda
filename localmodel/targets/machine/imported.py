"""Checks that a deployment's imports are available, before it is built or started."""

from localmodel.imports import beside_code, check
from localmodel.progress import Progress
from localmodel.resource.manifest import Manifests
from localmodel.targets.machine import known
from localmodel.targets.machine.resolve import Desired
from localmodel.targets.machine.state import RevisionRecord


def require(manifests: Manifests, desired: Desired, served: RevisionRecord | None, progress: Progress) -> None:
    """Check the imports, and note what may be missing later; the imports of what `served` last are available.

    Raises:
        UserError: ModuleMissing.
    """
    wanted = desired.revision
    if served and (served.revision.lock, served.revision.bundle) == (wanted.lock, wanted.bundle):
        return
    missing = check.look(desired.spec, desired.files, desired.models, desired.lock, manifests.beside)
    for note in missing.notes:
        progress.note(note)
    if not desired.models:
        folder = known.folder(manifests)
        if offer := beside_code.offer(desired.files, desired.spec.entry_script, folder):
            progress.note(offer)
    check.require(missing)
