#!/usr/bin/python3 -IS
"""runc for a machine that cannot grant every capability: removes those that it cannot grant, then becomes runc.

It edits the process that an OCI command describes: `create` and `run` name it with --bundle, `exec` with --process.
Everything else passes unchanged.
"""

import json
import os
import sys
from pathlib import Path

# In the order of linux/capability.h, where the position is the number.
CAPABILITIES = """
CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT
SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP
MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""


def grantable(process_status: str) -> set[str]:
    """The capabilities in the bounding set of a /proc/PID/status text."""
    bounding = next(int(line.split()[1], 16) for line in process_status.splitlines() if line.startswith("CapBnd:"))
    return {f"CAP_{name}" for number, name in enumerate(CAPABILITIES.split()) if bounding >> number & 1}


def value_of(arguments: list[str], long: str, short: str) -> str | None:
    for position, argument in enumerate(arguments):
        if argument.startswith(f"{long}="):
            return argument.split("=", 1)[1]
        if argument in (long, short) and position + 1 < len(arguments):
            return arguments[position + 1]
    return None


def described_process(arguments: list[str]) -> Path | None:
    """The file that describes the process which this command starts, or None."""
    if "exec" in arguments:
        process = value_of(arguments, "--process", "-p")
        return Path(process) if process else None
    if "create" in arguments or "run" in arguments:
        return Path(value_of(arguments, "--bundle", "-b") or ".", "config.json")
    return None


def fit(path: Path, allowed: set[str]) -> None:
    document = json.loads(path.read_text())
    process = document.get("process", document)
    capabilities: dict[str, list[str] | None] = process.get("capabilities") or {}
    for kind, names in capabilities.items():
        capabilities[kind] = [name for name in names or [] if name in allowed]
    path.write_text(json.dumps(document))


if __name__ == "__main__":
    file = described_process(sys.argv[1:])
    if file and file.exists():
        fit(file, grantable(Path("/proc/self/status").read_text()))
    os.execvp("runc", ["runc", *sys.argv[1:]])
