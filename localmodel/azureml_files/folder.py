"""Writes an imported deployment as a folder for `lmd apply -k` and `kubectl apply -k`."""

from localmodel.azureml_files.gather import Imported
from localmodel.project.folder import kustomized


def contents(imported: Imported) -> dict[str, bytes]:
    """The folder's files, by name."""
    return kustomized.contents(imported.manifest, {imported.config_map: imported.files} if imported.files else {})
