"""Command line of the scoring server: ``python -m localmodel_server``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

# Until the loop handles it, SIGHUP would end the process; the revision file is read later anyway.
signal.signal(signal.SIGHUP, signal.SIG_IGN)

EXIT_USAGE = 2
EXIT_PORT = 1


def main() -> int:
    """Run the server; returns the exit code."""
    import uvloop

    from localmodel_server.log import set_up_logging
    from localmodel_server.serve import Lifecycle, Options, open_listener
    from localmodel_server.settings import SettingsError, read_settings

    options = Options(**vars(_parse_arguments()))
    set_up_logging()
    if options.revision_file is None:
        try:
            read_settings(os.environ)
        except SettingsError as error:
            print(f"localmodel_server: {error}", file=sys.stderr)
            return EXIT_USAGE
    try:
        listener = open_listener(options.host, options.port)
    except OSError as error:
        print(f"localmodel_server: cannot listen on {options.host} port {options.port}: {error}", file=sys.stderr)
        return EXIT_PORT

    async def serve() -> int:
        return await Lifecycle(options).run(listener)

    return uvloop.run(serve())


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
