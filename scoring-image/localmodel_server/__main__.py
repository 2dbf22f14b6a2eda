"""Command line of the scoring server: ``python -m localmodel_server``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from localmodel_server.settings import SettingsError, read_settings

# Until the loop handles it, SIGHUP would end the process; the revision file is read later anyway.
signal.signal(signal.SIGHUP, signal.SIG_IGN)

_EXIT_USAGE = 2


def main() -> int:
    """Run the server; returns the exit code."""
    arguments = _parse_arguments()
    if arguments.revision_file is None:
        try:
            read_settings(os.environ)
        except SettingsError as error:
            print(f"localmodel_server: {error}", file=sys.stderr)
            return _EXIT_USAGE
    # FastAPI takes a good part of the start: not before SIGHUP is taken care of and the settings are known.
    from localmodel_server.serve import Options, run_server

    return run_server(Options(**vars(arguments)))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="localmodel_server", description="Serve an entry script over HTTP.")
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on (default: %(default)s)")  # noqa: S104
    parser.add_argument("--port", type=int, default=5001, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--revision-file", type=Path, help='JSON {"environment": {...}} over the environment; SIGHUP reads it again'
    )
    parser.add_argument("--status-file", type=Path, help="JSON file to write after each load")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
