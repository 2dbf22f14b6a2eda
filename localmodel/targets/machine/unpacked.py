"""Removes unpacked models that no deployment on this machine needs any more."""

import shutil
from pathlib import Path

from localmodel import target_table
from localmodel.disk import files
from localmodel.store import ModelVersion, Store

_LINKS = "*/revisions/*/app/azureml-models/*/*"


def forget(store: Store) -> int:
    """Remove what neither the store's records nor a kept revision names; return how many bytes that frees."""
    if not store.root.is_dir():
        return 0
    # Only models with a record are unpacked, and no record is made while this lock is held.
    with files.locked(store.root / "lock"):
        return sum(map(_remove, unneeded(store)))


def unneeded(store: Store) -> list[Path]:
    """Folders of models that neither the store's records nor a kept revision names."""
    home = store.root.parent
    models = [model for records in (*store.own_records(), *store.seen_records()) for model in records.list()]
    kept = {model.weights.digest.removeprefix("sha256:") for model in models if isinstance(model, ModelVersion)}
    for deployments in target_table.folders(home).values():
        links = (link for link in deployments.glob(_LINKS) if link.is_symlink())
        kept |= {link.readlink().name for link in links}
    return [folder for folder in (home / "models").glob("[0-9a-f]*") if folder.name not in kept]


def _remove(folder: Path) -> int:
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    shutil.rmtree(folder)
    return size
