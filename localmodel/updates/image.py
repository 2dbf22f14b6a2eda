"""Composes an image in Python from the engine's environment layers and from models and code.

The layers, from the most stable to the most changing: base, server, environment, one for each model, code. They are
not compressed, because they are sent over a local socket, where gzip would be the slowest step.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localmodel import digests
from localmodel.errors import UserError
from localmodel.oci import layers, squash
from localmodel.oci.layout import Blob, Layout
from localmodel.oci.media_types import MANIFEST
from localmodel.store import ModelVersion, Store, artifacts
from localmodel.updates import revision
from localmodel_untrusted import json_text

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
# Docker accepts 125 layers (moby, layer_store.go: maxLayerDepth), the topmost of which is the code.
MOST_LAYERS = 125
_MOST_OF_ENVIRONMENT = 100
USER = "65532:65532"  # any id but root's; the number distributions use for "nonroot"


@dataclass(frozen=True)
class EnvironmentImage:
    """The image of base, server and environment: its layers (blob digests are diff ids) and configuration."""

    base: str
    architecture: str
    os: str
    variables: tuple[str, ...]
    layers: tuple[Blob, ...]


@dataclass(frozen=True)
class Image:
    """A composed image, with all blobs in the layout in which it was composed."""

    manifest: Blob
    config: Blob
    layers: tuple[Blob, ...]

    def reference(self, repository: str) -> str:
        """The name that pods use, with the manifest's digest."""
        return f"{repository}@{self.manifest.digest}"


def chain_ids(diff_ids: Iterable[str]) -> list[str]:
    """For each layer, a node's name of the stack up to it (image-spec, config.md, "Layer ChainID")."""
    chain: list[str] = []
    for diff_id in diff_ids:
        chain.append(digests.of_bytes(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
    return chain


def compose(
    layout: Layout,
    environment: EnvironmentImage,
    store: Store,
    models: Iterable[ModelVersion],
    entry: str,
    files: Mapping[str, bytes],
) -> Image:
    """Add models and code to an environment. Equal inputs give the same image; only what is new is read and packed.

    If there are more layers than an engine accepts, neighbours are joined, of models and of the environment.
    """
    models = list(models)
    root = revision.APP_ROOT.lstrip("/")
    lower = squash.fewer(layout, environment.layers, _MOST_OF_ENVIRONMENT)
    weights = [model_layer(layout, store, model) for model in models]
    stack = [
        *lower,
        *squash.fewer(layout, weights, MOST_LAYERS - 1 - len(lower)),
        layout.write(layers.tar(layers.Entry(f"{root}/{path}", content) for path, content in files.items())),
    ]
    config = {
        "architecture": environment.architecture,
        "os": environment.os,
        "config": container(environment.variables, entry, models),
    }
    return packed(layout, config, stack)


def packed(layout: Layout, config: Mapping[str, Any], stack: Sequence[Blob]) -> Image:
    """The image of a stack of layers, with the configuration and the layers' digests in it."""
    diff_ids = [layer.digest for layer in stack]
    config_blob = layout.add(digests.canonical_json({**config, "rootfs": {"type": "layers", "diff_ids": diff_ids}}))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config_blob.descriptor(CONFIG),
        "layers": [layer.descriptor(LAYER) for layer in stack],
    }
    return Image(layout.add(digests.canonical_json(manifest)), config_blob, tuple(stack))


def stored(layout: Layout, reference: str) -> Image | None:
    """An image that was composed before, by its reference, if its manifest and all blobs can be read; else None."""
    digest = reference.partition("@")[2]
    if not digests.is_digest(digest):
        return None
    try:
        content = layout.read(digest)
        config, *stack = artifacts.blobs(json_text.parse(content))
    except (FileNotFoundError, UserError, ValueError, LookupError, TypeError):
        return None
    return Image(Blob(digest, len(content)), config, tuple(stack)) if all(map(layout.has, (config, *stack))) else None


def code(layout: Layout, image: Image) -> dict[str, bytes]:
    """The source folder in a composed image, path -> content."""
    app, models = f"{revision.APP_ROOT}/".lstrip("/"), f"{revision.APP_ROOT}/{revision.MODELS_FOLDER}/".lstrip("/")

    def is_code(path: str) -> bool:
        return path.startswith(app) and not path.startswith(models)

    contents = layers.contents(layout.path(image.layers[-1].digest), is_code)
    return {path.removeprefix(app): content for path, content in contents.items()}


def model_layer(layout: Layout, store: Store, model: ModelVersion) -> Blob:
    """The layer with the model's files below the models' root, packed once because a version never changes."""
    record = layout.root / "models" / f"{model.name}@{model.version}-{model.digest.removeprefix('sha256:')}.json"
    if blob := layout.recorded(record):
        return blob
    weights = store.layout.path(model.weights.digest)
    inside = f"{revision.APP_ROOT}/{revision.MODELS_FOLDER}/{model.inside}".lstrip("/")
    blob = layout.write(layers.moved(weights, inside))
    layout.record(record, blob)
    return blob


def container(variables: Iterable[str], entry: str, models: Iterable[ModelVersion]) -> dict[str, Any]:
    """The part of an image's configuration that starts a server for the entry script.

    `variables` (NAME=value) come before those of the server.
    """
    return {
        "Env": [
            *variables,
            f"AML_APP_ROOT={revision.APP_ROOT}",
            f"AZUREML_ENTRY_SCRIPT={entry}",
            f"AZUREML_MODEL_DIR={revision.model_dir(revision.APP_ROOT, models)}",
        ],
        # -I: the user's folder and PYTHONPATH must not shadow the server's modules
        "Entrypoint": ["/opt/localmodel/venv/bin/python", "-I", "-m", "localmodel_server"],
        "User": USER,
        "WorkingDir": revision.APP_ROOT,
    }
