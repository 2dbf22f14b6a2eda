"""What docs say that is also written elsewhere."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_reference_of_the_resource_is_up_to_date() -> None:
    render = runpy.run_path(str(ROOT / "hack/reference.py"))["render"]
    assert (ROOT / "docs/reference/resource.md").read_text() == render(), "run hack/docs"
