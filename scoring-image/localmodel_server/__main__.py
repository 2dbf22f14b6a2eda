"""Command line of the scoring server: `python -m localmodel_server`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from localmodel_server.admin.settings import read_admin
from localmodel_server.configuration.config_file import compose
from localmodel_server.configuration.settings import APP_ROOT, SettingsError, read_ports, read_settings

# Until the loop handles it, SIGHUP would end the process; the revision file is read later anyway.
signal.signal(signal.SIGHUP, signal.SIG_IGN)

_EXIT_USAGE = 2


def main() -> int:
    """Run the server; returns the exit code."""
    arguments = build_parser().parse_args()
    flags = flag_variables(arguments, Path.cwd())
    # Started by hand, in the folder of the code; a container's command line names neither.
    app_root = str(Path.cwd()) if arguments.entry_script or arguments.config_file else APP_ROOT
    try:
        environment = compose({**os.environ, **flags}, app_root).environment
        ports = read_ports(environment)
        admin = read_admin(os.environ)
        if admin is not None and arguments.revision_file is not None:
            raise SettingsError("LOCALMODEL_ADMIN_PORT and --revision-file cannot be used together")
        if arguments.revision_file is None:
            read_settings(environment)
    except SettingsError as error:
        print(f"localmodel_server: {error}", file=sys.stderr)
        return _EXIT_USAGE
    # What the server imports takes a good part of the start: not before SIGHUP and the settings.
    from localmodel_server.serve import Options, run_server

    files = arguments.revision_file, arguments.status_file, arguments.log_file
    return run_server(Options(arguments.host, ports, flags, app_root, *files, admin))


def build_parser() -> argparse.ArgumentParser:
    """The flags: those of Azure ML's server, also with dashes, and four of our own."""
    parser = argparse.ArgumentParser(
        prog="localmodel_server",
        description="Serve an entry script over HTTP.",
        epilog="A flag wins over its environment variable, and that over the config file.",
    )

    def add(flag: str, **options: object) -> None:
        names = dict.fromkeys([flag, "--" + flag[2:].replace("_", "-")])
        parser.add_argument(*names, **options)  # type: ignore[arg-type]

    add("--entry_script", metavar="FILE", help="the script with init() and run()")
    add("--model_dir", metavar="FOLDER", help="what the script finds in AZUREML_MODEL_DIR")
    add("--port", type=_port, help="port to listen on (default: 5001)")
    add("--health_port", metavar="PORT", type=_port, help="a second port, for health only")
    add("--worker_count", metavar="N", type=_count, help="processes that run the script (default: 1)")
    add("--access_control_allow_origins", metavar="ORIGINS", help="origins for CORS, separated by commas, or *")
    add("--config_file", metavar="FILE", help="JSON file with variables; flags and environment variables win over it")
    add("--appinsights_instrumentation_key", metavar="KEY", help="accepted and ignored")
    add("--rest", action="store_true", help=argparse.SUPPRESS)
    add("--host", default="0.0.0.0", help="address to listen on (default: %(default)s)")  # noqa: S104
    add(
        "--revision-file",
        type=Path,
        help='JSON {"environment": {...}} that wins over the environment; SIGHUP reads it again',
    )
    add("--status-file", type=Path, help="JSON file to write after each load")
    add(
        "--log-file",
        type=Path,
        help="file that stdout and stderr are appended to; rotated near 10 MB, with two older files kept",
    )
    return parser


def flag_variables(arguments: argparse.Namespace, folder: Path) -> dict[str, str]:
    """The flags as the environment variables that they stand for; folder is where relative paths start."""
    given = {
        "AZUREML_ENTRY_SCRIPT": _path(folder, arguments.entry_script),
        "AZUREML_MODEL_DIR": _path(folder, arguments.model_dir),
        "AZUREML_CONFIG_FILE": _path(folder, arguments.config_file),
        "SERVER_PORT": arguments.port,
        "HEALTH_PORT": arguments.health_port,
        "SEPERATE_HEALTH_ENDPOINT": "true" if arguments.health_port is not None else None,
        "WORKER_COUNT": arguments.worker_count,
        "AML_CORS_ORIGINS": arguments.access_control_allow_origins,
        "AML_APP_INSIGHTS_KEY": arguments.appinsights_instrumentation_key,
    }
    return {name: str(value) for name, value in given.items() if value is not None}


def _path(folder: Path, text: str | None) -> str | None:
    # Not resolve(): a mounted ConfigMap is a folder of links, and the script's folder is that of the link.
    return None if text is None else os.path.abspath(folder / text)  # noqa: PTH100


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def _count(text: str) -> int:
    if not (text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
