"""Whether what a deployment imports is there, told before anything of it is built or started."""

from localmodel.imports import beside_code, check
from localmodel.progress import Progress
from localmodel.resource.manifest import Manifests
from localmodel.targets.machine import known
from localmodel.targets.machine.resolve import Desired
from localmodel.targets.machine.state import RevisionRecord


def require(manifests: Manifests, desired: Desired, served: RevisionRecord | None, progress: Progress) -> None:
    """Note what may be missed later. What has `served` last is there, whatever it looks like.

    Raises:
        UserError: ModuleMissing.
    """
    wanted = desired.revision
    if served and (served.revision.lock, served.revision.bundle) == (wanted.lock, wanted.bundle):
        return
    found = check.look(desired.spec, desired.files, desired.models, desired.lock, manifests.beside)
    for note in found.notes:
        progress.note(note)
    if not desired.models:
        folder = known.folder(manifests)
        if offer := beside_code.offer(desired.files, desired.spec.entry_script, folder):
            progress.note(offer)
    check.require(found)
