"""The pages of the documentation, in Markdown."""

from localmodel import data

INDEX = "index"


def titles() -> dict[str, str]:
    """The title of each page by its name, which is its path without `.md`."""
    folder = data.path("docs")
    files = sorted(folder.rglob("*.md"))
    return {file.relative_to(folder).with_suffix("").as_posix(): _title(file.read_text()) for file in files}


def named(text: str) -> list[str]:
    """Names of the pages that the text may mean: a name, a link to a page, or the last part of a name."""
    wanted = text.partition("#")[0].removesuffix(".md").removeprefix("docs/")
    names = [*titles()]
    return [name for name in names if name == wanted] or [name for name in names if name.endswith(f"/{wanted}")]


def read(name: str) -> str:
    """The text of the page with this name."""
    return (data.path("docs") / f"{name}.md").read_text()


def _title(text: str) -> str:
    return text.partition("\n")[0].removeprefix("# ")
