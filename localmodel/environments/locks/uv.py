"""Runs uv, the only program that resolves and installs packages on this machine."""

import asyncio
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from uv import find_uv_bin

from localmodel import reasons
from localmodel.environments.locks import no_wheel, variables
from localmodel.errors import UserError
from localmodel.reasons import Reason
from localmodel.requirements import sources

_LONGEST_LINE = 1 << 20
_UNREACHABLE = re.compile(r"error sending request|failed after \d+ retries|dns error|tcp connect error", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://[^\s`'\")]+")
_HEADING = re.compile(r"No solution found when resolving dependencies:?( cause:)? ")
# Advice about an option that we have given it, and the user has not.
_OUR_OPTION = re.compile(r" hint: (?:(?! hint: ).)*--no-binary-package(?:(?! hint: ).)*")


async def run_uv(
    arguments: list[str],
    text: str = "",
    listen: Callable[[str], None] | None = None,
    programs: bool = False,
    path: Sequence[Path] = (),
    wheels: Path | None = None,
) -> tuple[int, str, str]:
    """Run uv with the text on its standard input; return exit code, output and error output, free of secrets.

    `listen` gets each line of the error output as it comes. Only with `programs` can uv use programs of this machine,
    also in the folders `path`, and the caller's variables. It runs in a folder of its own, so that it reads no
    project's configuration. Packages also come from the folder `wheels`, if it exists. The process ends with the task
    that waits for it.

    Raises:
        UserError: PackageSourcesInvalid.
    """
    wanted = sources.read()
    if wanted.no_index and arguments[0] == "pip":
        arguments = [*arguments, "--no-index"]
    environ = variables.for_building(wanted) if programs else variables.for_uv(wanted)
    if path:
        environ["PATH"] = os.pathsep.join([environ.get("PATH", os.defpath), *map(str, path)])
    environ |= _found_in(wheels, environ)
    with tempfile.TemporaryDirectory() as folder:
        environ |= {"NO_COLOR": "1", **_configured(variables.uv_configuration(wanted), Path(folder, "sources.toml"))}
        return await run([find_uv_bin(), *arguments], text, listen, environ, folder)


def _found_in(wheels: Path | None, environ: Mapping[str, str]) -> dict[str, str]:
    if not wheels or not wheels.is_dir():
        return {}
    return {"UV_FIND_LINKS": ",".join(filter(None, [environ.get("UV_FIND_LINKS"), str(wheels)]))}


def _configured(configuration: str, file: Path) -> dict[str, str]:
    if not configuration:
        return {}
    file.write_text(configuration)
    return {"UV_CONFIG_FILE": str(file)}


async def run(
    command: list[str], text: str, listen: Callable[[str], None] | None, environ: dict[str, str], folder: str
) -> tuple[int, str, str]:
    """Run a program in a folder with exactly these variables; the rest is as in `run_uv()`."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
        env=environ,
        cwd=folder,
    )
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise AssertionError("PIPE was asked for")
    try:
        process.stdin.write(text.encode())
        process.stdin.close()
        out, err = await asyncio.gather(process.stdout.read(), _lines(process.stderr, listen))
        code = await process.wait()
    except BaseException:
        if process.returncode is None:
            process.kill()
        raise
    return code, sources.scrub(out.decode()), err


async def _lines(stream: asyncio.StreamReader, listen: Callable[[str], None] | None) -> str:
    lines = []
    async for line in stream:
        lines.append(sources.scrub(line.decode(errors="replace")))
        if listen:
            listen(lines[-1].rstrip())
    return "".join(lines)


def failure(reason: Reason, field: str, output: str) -> UserError:
    """The error for uv's output after it failed, about the package index if that is the cause.

    `output` may be anything; the message is one line of ASCII.
    """
    text = " ".join(re.sub(r"[^\x20-\x7e]+", " ", sources.scrub(output)).split()).removeprefix("error: ")
    text = _OUR_OPTION.sub("", _HEADING.sub("No solution found: ", text))
    wanted = sources.read()
    if "401 Unauthorized" in text or "403 Forbidden" in text or "valid authentication credentials" in text:
        return UserError(
            reasons.PACKAGE_INDEX_REFUSED,
            f"{_asked(text, wanted)} refuses access: put `machine HOST login NAME password PASSWORD` into ~/.netrc "
            f"(mode 600), or correct it there. The installer says: {text}",
        )
    if "invalid peer certificate" in text:
        return UserError(
            reasons.PACKAGE_INDEX_UNREACHABLE,
            f"{_asked(text, wanted)} has a certificate that is not trusted: name the CA's file as ca-bundle in "
            f"{sources.path()}. The installer says: {text}",
        )
    if _UNREACHABLE.search(text):
        return UserError(
            reasons.PACKAGE_INDEX_UNREACHABLE,
            f"{_asked(text, wanted)} cannot be reached: is the network there, and are index-url and proxy in "
            f"{sources.path()} right? A closed network needs find-links there. The installer says: {text}",
        )
    if not_built := no_wheel.not_built(re.sub(r"[^\x20-\x7e\n]+", " ", sources.scrub(output))):
        return UserError(reason, f"{field}: {not_built}")
    if "not found in the package registry" in text or "no-index" in text or "not found in the provided" in text:
        text += f" (looked for in: {wanted})"
    return UserError(reason, f"{field}: {text}")


def _asked(text: str, wanted: sources.Sources) -> str:
    """The address in uv's output, without the part of the package."""
    match = _ADDRESS.search(text)
    if not match:
        return f"the package index ({wanted})"
    known = [url for url in (wanted.index_url, *wanted.extra_index_urls, *wanted.find_links) if url]
    url = next((url for url in known if match[0].startswith(url.rstrip("/"))), match[0])
    return f"the package index {sources.scrub(url)}"
