"""What starts a command when the user logs in: a unit of systemd, or an agent of launchd."""

import plistlib
import re
from collections.abc import Mapping, Sequence
from xml.parsers.expat import ExpatError

UNIT = "localmodel.service"
LABEL = "dev.localmodel.start"


def unit(command: Sequence[str], variables: Mapping[str, str]) -> str:
    """The text of a systemd user unit. The servers outlive the command, and the unit."""
    environment = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in variables.items())
    program, *arguments = map(_quoted, command)
    return (
        "[Unit]\n"
        "Description=Start what localmodel served last\n"
        "\n"
        "[Service]\n"
        "Type=oneshot\n"
        "RemainAfterExit=yes\n"
        "KillMode=process\n"
        f"{environment}"
        f"ExecStart={' '.join([program, *(word.replace('$', '$$') for word in arguments)])}\n"
        "\n"
        "[Install]\n"
        "WantedBy=default.target\n"
    )


def agent(command: Sequence[str], variables: Mapping[str, str]) -> bytes:
    """The property list of a launchd agent, disabled until `launchctl enable`. The servers outlive the command."""
    content = {
        "Label": LABEL,
        "ProgramArguments": list(command),
        "EnvironmentVariables": dict(variables),
        "RunAtLoad": True,
        "AbandonProcessGroup": True,
        "Disabled": True,
    }
    return plistlib.dumps(content)


def home_of(content: bytes) -> str:
    """The LOCALMODEL_HOME in the text of a unit or of an agent; "" where it has none."""
    if match := re.search(rb'^Environment="LOCALMODEL_HOME=(.*)"$', content, re.MULTILINE):
        return re.sub(r"\\(.)", r"\1", match[1].decode(errors="replace").replace("%%", "%"))
    try:
        return str(plistlib.loads(content)["EnvironmentVariables"]["LOCALMODEL_HOME"])
    except (ValueError, KeyError, TypeError, plistlib.InvalidFileException, ExpatError):
        return ""


def _quoted(text: str) -> str:
    """A word for systemd, which expands % and splits at blanks."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{plain}"'
