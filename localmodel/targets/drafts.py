"""What is to be applied, whichever way it is given."""

from localmodel.disk import home
from localmodel.resource import manifest
from localmodel.store import Store
from localmodel.targets.target import Draft, ManifestSource


def of(wanted: ManifestSource) -> Draft:
    """The draft, checked; of a manifest, one that names nothing new.

    Raises:
        UserError: InvalidManifest.
    """
    if isinstance(wanted, Draft):
        keep = wanted.keep
        return Draft(manifest.read(wanted.manifests), wanted.store, lambda: manifest.read(keep()))
    manifests = manifest.read(wanted)
    return Draft(manifests, Store(home.store()), lambda: manifests)
