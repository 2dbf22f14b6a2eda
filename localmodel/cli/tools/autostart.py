"""lmd autostart: deployments come back after a reboot."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click

from localmodel import autostart as files
from localmodel.cli import program
from localmodel.cli.terminal.output import Failure, say
from localmodel.disk import home


@click.command()
@click.option("--off", is_flag=True, help="Disable it, and remove what was written.")
@click.option("--now", is_flag=True, help="Enable it, too, instead of printing the command.")
def autostart(off: bool, now: bool) -> None:
    """Have deployments of the target process start when you log in.

    It writes a user unit of systemd (Linux) or a launch agent (macOS) that runs lmd start --all: what ran last comes
    back, what lmd stop has stopped stays stopped. No root is needed. Containers are started again by their engine, and
    pods by their cluster.

    \b
    Examples:
      lmd autostart
      lmd autostart --off
    """
    if off and now:
        raise click.UsageError("give one of --off and --now")
    on_mac = sys.platform == "darwin"
    path = _agents() / f"{files.LABEL}.plist" if on_mac else _units() / files.UNIT
    _require_own(path)
    if off:
        _run(_switch("disable", on_mac))  # a machine without it has nothing to disable
        path.unlink(missing_ok=True)
        say(f"removed {path}")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    command, variables = _command(), {"LOCALMODEL_HOME": str(home.home())}
    path.write_bytes(files.agent(command, variables) if on_mac else files.unit(command, variables).encode())
    say(f"wrote {path}")
    enable = _switch("enable", on_mac)
    if not now:
        say(f"enable it: {' '.join(enable)}")
    elif error := _run(enable):
        raise Failure(f"{' '.join(enable)}: {error}")
    else:
        say("enabled")
    say(f"deployments start when you log in{'' if on_mac else '; at boot, after: loginctl enable-linger'}")
    say("undo: lmd autostart --off")


def _require_own(path: Path) -> None:
    """Leave alone what starts the deployments of another LOCALMODEL_HOME."""
    other = files.home_of(path.read_bytes()) if path.is_file() else ""
    if other and other != str(home.home()):
        remove = f"LOCALMODEL_HOME={shlex.quote(other)} lmd autostart --off"
        raise Failure(f"{path} starts the deployments of another home, {other}; to remove it: {remove}")


def _command() -> list[str]:
    return [str(program.path()), "start", "--all", "--target", "process"]


def _units() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"


def _agents() -> Path:
    return Path.home() / "Library" / "LaunchAgents"


def _switch(how: str, on_mac: bool) -> list[str]:
    """The command that enables or disables it."""
    if on_mac:
        return ["launchctl", how, f"gui/{os.getuid()}/{files.LABEL}"]
    return ["systemctl", "--user", how, files.UNIT]


def _run(command: list[str]) -> str:
    """Run the command; return why it failed, or ""."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return f"{command[0]} is not installed, so that nothing here starts programs at login"
    return result.stderr.strip() if result.returncode else ""
