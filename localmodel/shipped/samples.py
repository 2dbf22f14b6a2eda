"""The samples: a script, what trains its model, a manifest and a request."""

from localmodel import data

# A model that was trained in the checkout is no part of the sample.
_TRAINED = (".pkl", ".onnx")


def names() -> list[str]:
    """The names of all samples."""
    return sorted(folder.name for folder in data.path("manifests/samples").iterdir() if folder.is_dir())


def files(name: str) -> dict[str, bytes]:
    """The files of the sample with this name, by their names."""
    folder = data.path("manifests/samples") / name
    return {
        file.name: file.read_bytes()
        for file in sorted(folder.glob("[!.]*"))
        if file.is_file() and file.suffix not in _TRAINED
    }
