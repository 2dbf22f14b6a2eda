"""uv, the one program that resolves and installs packages on this machine."""

import asyncio
import os

from uv import find_uv_bin


async def run_uv(arguments: list[str], text: str = "") -> tuple[int, str, str]:
    """Run uv with the text on its standard input. Returns exit code, output and error output.

    The process ends with the task that waits for it.
    """
    process = await asyncio.create_subprocess_exec(
        find_uv_bin(),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "NO_COLOR": "1"},
    )
    try:
        out, err = await process.communicate(text.encode())
    except asyncio.CancelledError:
        process.kill()
        raise
    return process.returncode or 0, out.decode(), err.decode()
