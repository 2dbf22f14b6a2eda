"""How many examples a property is tried with."""

from __future__ import annotations

import os


def examples(many: int) -> int:
    """A fifth of them; all with LOCALMODEL_EXAMPLES=all."""
    return many if os.environ.get("LOCALMODEL_EXAMPLES") == "all" else many // 5
