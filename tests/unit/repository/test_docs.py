"""What docs say that is also written elsewhere."""

import re
import runpy
from pathlib import Path

import pytest

from localmodel import reasons
from localmodel_server.dialects import registry
from localmodel_server.metrics import Metrics

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("script", "page"),
    [
        ("reference.py", "reference/resource.md"),
        ("server_reference.py", "reference/server.md"),
        ("cli_reference.py", "reference/cli.md"),
        ("python_reference.py", "reference/python.md"),
        ("azure_yaml.py", "how-to/azure-yaml.md"),
        ("reasons.py", "troubleshooting.md"),
    ],
)
def test_a_page_is_up_to_date(script: str, page: str) -> None:
    render = runpy.run_path(str(ROOT / "hack" / script))["render"]
    assert (ROOT / "docs" / page).read_text() == render(), "run hack/docs"


def test_a_reason_is_one_word_and_is_explained_once_in_each_table() -> None:
    assert all(re.fullmatch(r"([A-Z][A-Za-z]*)", row.reason) for rows in reasons.TABLES.values() for row in rows)
    for name, rows in reasons.TABLES.items():
        assert len({row.reason for row in rows}) == len(rows), f"{name} has a reason twice"
        assert all(row.means and "|" not in row.means + row.do for row in rows), f"{name} has a row that is no row"


def test_reasons_are_written_in_one_place() -> None:
    """What is passed on as a reason is one of these: mypy sees to that. So only who reads others' words makes one."""
    sources = [*(ROOT / "operator").rglob("*.py"), *(ROOT / "localmodel").rglob("*.py")]
    makes = {path.relative_to(ROOT).as_posix() for path in sources if re.search(r"\bReason\(", path.read_text())}
    assert makes == {
        "localmodel/reasons/table.py",
        "operator/localmodel_operator/inputs/fetches.py",  # what the program that fetches has said
        "localmodel/targets/kind/kind.py",  # what the operator has written into a status
        "operator/localmodel_operator/failure.py",  # what the operator has written into a record
        "operator/localmodel_operator/pods/admin.py",  # what a pod's server says
        "operator/localmodel_operator/pods/rollout_status.py",  # what Kubernetes says
    }


def test_the_server_s_reasons_are_explained_too() -> None:
    """It stands alone, so those of a revision that does not load are literals there, and become reasons of a status."""
    known = {row.reason for rows in reasons.TABLES.values() for row in rows}
    text = "".join(path.read_text() for path in (ROOT / "scoring-image/localmodel_server").rglob("*.py"))
    found = set(re.findall(r'(?:reason(?:: str)? ?= ?|RefusedError\(422, )"([A-Z]\w+)"', text))
    assert {"InitFailed", "GateFailed", "SettingsInvalid", "NoRoom", "ErrorRate"} <= found
    assert found <= known


def test_the_table_of_metrics_has_each_one() -> None:
    metrics = Metrics()
    metrics.watch(int, int, int, int, str, str)
    metrics.worker_lost("died")
    metrics.answered("azure", 200, 0.1, 0.1, 0.1)
    suffixes = {"counter": "_total", "info": "_info"}
    exposed = {f"{metric.name}{suffixes.get(metric.type, '')}" for metric in metrics.collect()}
    page = (ROOT / "docs/reference/server.md").read_text()
    assert set(re.findall(r"^\| `(localmodel_\w+)` \|", page, re.MULTILINE)) == exposed


def test_the_readme_names_each_protocol() -> None:
    text = (ROOT / "README.md").read_text().lower()
    names = {router.__module__.rpartition(".")[2] for router in registry.ROUTERS} - {"kserve_prefix"}  # the same again
    assert [name for name in sorted(names) if name.replace("_", " ") not in text] == []


def test_the_site_shows_what_github_shows() -> None:
    hooks = runpy.run_path(str(ROOT / "hack/site_hooks.py"))
    page = "```python file=score.py\npass\n```\n```sh until=Ctrl-C\nlmd debug a\n```\n"
    assert hooks["on_page_markdown"](page) == "`score.py`:\n\n```python\npass\n```\n```sh\nlmd debug a\n```\n"
    assert (
        hooks["on_page_content"](r"<td><code>a\|b</code></td><pre>a\|b</pre>")
        == r"<td><code>a|b</code></td><pre>a\|b</pre>"
    )
