"""Finds the data files of this package, in the checkout or in the installed package."""

from pathlib import Path


def path(name: str) -> Path:
    """The path of `crds`, `docs`, `kind-config.yaml`, `manifests/samples`, `manifests/gitops` or `scoring-image`."""
    package = Path(__file__).parent
    installed = package / "_data" / name
    return installed if installed.exists() else package.parent / name


def server_files() -> dict[str, Path]:
    """The scoring server's and the worker's own modules, and the server's page, path below `scoring-image` -> file."""
    folder = path("scoring-image")
    files = [*folder.glob("localmodel_*/**/*.py"), *page_folder().iterdir()]
    return {str(file.relative_to(folder)): file for file in sorted(files)}


def page_folder() -> Path:
    """The files of the scoring server's page, some of which `lmd ui` uses, too."""
    return path("scoring-image") / "localmodel_server" / "ui" / "static"
