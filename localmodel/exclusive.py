"""Advice for a revision that cannot get what only one program can have: a port, a lock, a GPU's memory."""

# Messages of the system (Linux, macOS), sqlite, DuckDB, CUDA and our server.
_SAYINGS = (
    "Address already in use",
    "Resource temporarily unavailable",
    "database is locked",
    "Could not set lock on file",
    "CUDA out of memory",
    "no room for a second worker",
)


def advice(error: str, serving: int | None) -> str:
    """A sentence to add to an error of init(), with or without traceback, while revision `serving` serves; or ""."""
    if serving is None or not any(saying in error for saying in _SAYINGS):
        return ""
    return (
        f"; revision {serving}, which serves, may hold it: both are loaded at once during an update, and "
        "spec.update.strategy: Recreate ends the old one first"
    )
