"""Advice for a revision that could not get what one program has at a time: a port, a lock, a GPU's memory."""

# As the system (Linux, macOS), sqlite, DuckDB, CUDA and our server put it.
_SAYINGS = (
    "Address already in use",
    "Resource temporarily unavailable",
    "database is locked",
    "Could not set lock on file",
    "CUDA out of memory",
    "no room for a second worker",
)


def advice(error: str, serving: int | None) -> str:
    """What to add to an error of `init()`, with its traceback or without, while revision `serving` serves; or ""."""
    if serving is None or not any(saying in error for saying in _SAYINGS):
        return ""
    return (
        f"; revision {serving}, which serves, may hold it: both are loaded at once during an update, and "
        "spec.update.strategy: Recreate ends the old one first"
    )
