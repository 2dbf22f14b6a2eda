"""What tests make once on a machine, for every checkout: programs, environments, stores with images built from them."""

import os
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "localmodel-tests"
