"""What docs say that is also written elsewhere."""

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What a process or a command says only goes to the terminal; the registry's refusals too.
NOT_IN_STATUS = {
    *("AlreadyRunning", "ClusterUnreachable", "ClusterUnusable"),
    *("InvalidManifest", "ModelFileMissing", "ModelNameInvalid"),
}


@pytest.mark.parametrize(
    ("script", "page"),
    [
        ("reference.py", "reference/resource.md"),
        ("server_reference.py", "reference/server.md"),
        ("cli_reference.py", "reference/cli.md"),
        ("python_reference.py", "reference/python.md"),
        ("azure_yaml.py", "how-to/azure-yaml.md"),
    ],
)
def test_a_page_is_up_to_date(script: str, page: str) -> None:
    render = runpy.run_path(str(ROOT / "hack" / script))["render"]
    assert (ROOT / "docs" / page).read_text() == render(), "run hack/docs"


def words(node: ast.AST) -> Iterator[str]:
    """The reason that a call or a pair (reason, message) gives."""
    first: ast.AST | None = None
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "RecordKind":  # of the store's records: reasons are among its words
            yield from (argument.value for argument in node.args if isinstance(argument, ast.Constant))
        if name in ("UserError", "fail", "progress", "succeed") and node.args:
            first = node.args[0]
    elif isinstance(node, ast.Tuple) and len(node.elts) == 2 and not isinstance(node.elts[1], ast.Constant):
        first = node.elts[0]
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        yield first.value


def test_every_reason_is_explained() -> None:
    sources = [*(ROOT / "operator").rglob("*.py"), *(ROOT / "localmodel").rglob("*.py")]
    trees = [ast.parse(path.read_text()) for path in sources]
    reasons = {word for tree in trees for node in ast.walk(tree) for word in words(node)}
    reasons = {word for word in reasons if re.fullmatch(r"([A-Z][a-z]+)+", word)} - NOT_IN_STATUS
    assert {"InitFailed", "PortTaken", "RollingOut", "ModelNotFound"} <= reasons
    explained = (ROOT / "docs/troubleshooting.md").read_text()
    assert {word for word in reasons if f"`{word}`" not in explained} == set()


def pages() -> list[Path]:
    found = [path for folder in ("docs", "hack", "manifests") for path in (ROOT / folder).rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *found])


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives a page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in link:
            name, _, anchor = link.partition("#")
            target = page.parent / name if name else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(link)
    assert broken == []
