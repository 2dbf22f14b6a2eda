"""Reports on the pickles in a file or a folder."""

import contextlib
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from localmodel.disk import folder
from localmodel.pickles.files import FileReport, look
from localmodel.pickles.machine import Findings
from localmodel.pickles.stream import Budget
from localmodel.pickles.values import Global

_MOST_FILES = 10_000
_MOST_TOLD = 500
_LONGEST_TOLD = 300


def examine(path: Path) -> dict[str, Any]:
    """What the pickles in a file or below a folder would import, as a value for JSON; empty if there is no pickle.

    - files: by name, format (pickle, joblib or numpy), compression (empty for none), protocol, globals (the imports)
    - modules: all modules that are imported
    - versions: by distribution, the version that wrote the files, if they say so; for numpy ">=2" or "<2"
    - unsafe: imports that can do harm when the file is loaded, each with its file
    - unknown: imports that are not known to be harmless, each with its file
    - unread: if there are any, the files that were not read to their end, each with the reason

    Nothing is imported or run, memory does not grow with the file's size, and after a minute the rest is left unread.
    No bytes cause an error.
    """
    budget = Budget()
    reports: dict[str, FileReport] = {}
    unread: list[str] = []
    for name, file in _files(path):
        for report in look(name, file, budget):
            if report.findings:
                reports[_plain(report.name)] = report
            if report.problem:
                unread.append(f"{_plain(report.name)}: {_plain(report.problem)}")
    return _result(reports, unread) if reports or unread else {}


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if path.is_file():
        yield path.name, path
        return
    with contextlib.suppress(folder.UnusableFolderError):  # registering it reports that
        files = folder.walk(path, lambda inside, file: folder.kind(file) in (stat.S_IFREG, stat.S_IFDIR))
        yield from islice(files, _MOST_FILES)


def _result(reports: dict[str, FileReport], unread: list[str]) -> dict[str, Any]:
    everything = [report.findings for report in reports.values() if report.findings]
    unsafe = [
        f"{_plain(what)} ({name})"
        for name, report in reports.items()
        if report.findings
        for what in report.findings.unsafe
    ]
    unknown = [
        f"{_plain(what)} ({name})"
        for name, report in reports.items()
        if report.findings
        for what in report.findings.unknown
    ]
    result = {
        "files": dict([(name, _file(report)) for name, report in reports.items()][:_MOST_TOLD]),
        "modules": sorted({_plain(module) for findings in everything for module, _ in findings.globals}),
        "versions": _versions(everything),
        "unsafe": unsafe[:_MOST_TOLD],
        "unknown": unknown[:_MOST_TOLD],
    }
    return {**result, "unread": unread[:_MOST_TOLD]} if unread else result


def _file(report: FileReport) -> dict[str, Any]:
    findings = report.findings or Findings()
    names = sorted(_plain(str(name)) for name in findings.globals)
    return {
        "format": "joblib" if findings.arrays else report.format,
        "compression": report.compression,
        "protocol": findings.protocol,
        "globals": names[:_MOST_TOLD],
    }


def _versions(everything: list[Findings]) -> dict[str, str]:
    versions = {name: version for findings in everything for name, version in findings.versions.items()}
    layouts = {_numpy(name) for findings in everything for name in findings.globals} - {""}
    return {**versions, "numpy": layouts.pop()} if len(layouts) == 1 else versions


def _numpy(name: Global) -> str:
    """The numpy version that wrote this name, because version 2 moved the core into another module."""
    package, _, rest = name.module.partition(".")
    core = rest.partition(".")[0] if package == "numpy" else ""
    return {"_core": ">=2", "core": "<2"}.get(core, "")


def _plain(text: str) -> str:
    """The text without control characters and invalid Unicode, for a terminal and for JSON."""
    return (text if text.isprintable() else ascii(text)[1:-1])[:_LONGEST_TOLD]
