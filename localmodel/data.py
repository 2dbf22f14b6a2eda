"""Finds the data files of this package, in the checkout or in the installed package."""

from pathlib import Path


def path(name: str) -> Path:
    """The path of `crds`, `docs`, `kind-config.yaml`, `manifests/samples`, `manifests/gitops` or `scoring-image`."""
    package = Path(__file__).parent
    installed = package / "_data" / name
    return installed if installed.exists() else package.parent / name


def server_modules() -> dict[str, Path]:
    """The scoring server's and the worker's own modules, path below `scoring-image` -> file."""
    folder = path("scoring-image")
    return {str(file.relative_to(folder)): file for file in sorted(folder.glob("localmodel_*/**/*.py"))}
