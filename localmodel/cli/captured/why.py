"""lmd why: what was behind an answer."""

from collections.abc import Iterator
from typing import Any

import click

from localmodel.cli import completion, folder_words
from localmodel.cli.captured import found
from localmodel.cli.target_option import where_options
from localmodel.cli.terminal.output import output_option, print_value, say
from localmodel.targets.captured_request import CapturedRequest
from localmodel.targets.target import PastRevision
from localmodel.updates import plan
from localmodel.updates.plan import Facts

_DIGITS = 12


@click.command()
@click.argument("request_id", metavar="REQUEST-ID")
@click.argument("name", metavar="[NAME|PATH]", required=False, shell_complete=completion.deployments)
@output_option
@where_options
def why(request_id: str, name: str | None, output: str, **where: Any) -> None:
    """Show which model, code, packages and settings were behind an answer.

    REQUEST-ID is the answer's x-request-id, of a request that was captured. Without NAME, all deployments of the target
    are looked through. Of variables, only names are shown.

    \b
    Examples:
      lmd why 6f1c8a90-33c8-4b43-8f20-06b2f1c5a4b7
      lmd why 6f1c8a90-33c8-4b43-8f20-06b2f1c5a4b7 churn --target kind -o json
    """
    target, called, request = found.request(request_id, name, where)
    revisions = target.history(called)
    behind = next((past for past in revisions if str(past.revision) == request.revision), None)
    serving = next((past for past in revisions if past.serving), None)
    facts = target.facts(called, behind.revision) if behind else None
    values = _of_request(request, called)
    if behind:
        values |= _of_revision(behind, facts)
    if serving:
        values["serving"] = {"revision": serving.revision}
        if behind:
            values["serving"]["differs"] = _differs(behind, facts, serving, target.facts(called, serving.revision))
    if output != "text":
        print_value(values, output)
        return
    in_words = folder_words.of(target, called)
    for line in _lines(values):
        say(in_words(line))


def _of_request(request: CapturedRequest, name: str) -> dict[str, Any]:
    """What the captured request says itself, whatever has become of its revision."""
    return {
        "id": request.id,
        "deployment": name,
        "time": request.time.isoformat(timespec="milliseconds"),
        "request": f"{request.method} {request.path}",
        "status": request.status,
        "milliseconds": request.milliseconds,
        "revision": request.revision,
        "models": dict(text.split("@", 1) for text in request.models.split(",") if "@" in text),
        "kept": False,
    }


def _of_revision(past: PastRevision, facts: Facts | None) -> dict[str, Any]:
    """What is kept of the revision."""
    return {
        "kept": True,
        "created": past.created,
        "cause": past.cause,
        "models": dict(past.models),
        "base": {"digest": past.digests["base"], **({"python": facts.python} if facts else {})},
        "server": {"digest": past.digests["server"]},
        "lock": {"digest": past.digests["lock"]},
        "code": {"digest": past.code, **({"files": dict(facts.files)} if facts else {})},
        "settings": {
            "digest": past.digests["settings"],
            **(_settings(facts) if facts else {}),
        },
    }


def _settings(facts: Facts) -> dict[str, Any]:
    return {"variables": sorted({*facts.variables, *facts.secrets}), "server": dict(facts.server)}


def _differs(behind: PastRevision, facts: Facts | None, serving: PastRevision, now: Facts | None) -> str:
    """How what serves now differs, in words; "" if it does not."""
    if behind.revision == serving.revision or behind.digests == serving.digests:
        return ""
    changed = [name for name, digest in serving.digests.items() if behind.digests.get(name) != digest]
    otherwise = f"{', '.join(changed)} changed"
    return plan.cause(now, facts, otherwise) if now else otherwise


def _lines(values: dict[str, Any]) -> Iterator[str]:
    answered = f"{values['status']} in {values['milliseconds']:.1f} ms"
    yield f"{values['request']} to {values['deployment']} at {values['time']}: {answered}"
    if values["kept"]:
        yield f"revision  {values['revision']}, of {values['created']}: {values['cause']}"
        python = values["base"].get("python")
        yield f"base      {_named(values['base'], f'Python {python}' if python else '')}"
        yield f"server    {_named(values['server'])}"
        yield f"lock      {_named(values['lock'])}"
        yield f"code      {_named(values['code'], ', '.join(values['code'].get('files', ())))}"
    else:
        yield f"revision  {values['revision']}, which is not kept any more"
    yield f"models    {', '.join(f'{name}@{_short(digest)}' for name, digest in values['models'].items()) or 'none'}"
    if values["kept"]:
        yield f"settings  {_named(values['settings'], ', '.join(values['settings'].get('variables', ())))}"
    if serving := values.get("serving"):
        how = serving.get("differs")
        same = "it serves" if str(serving["revision"]) == values["revision"] else "nothing of it differs"
        what = f": {how or same}" if how is not None else ""
        yield f"now       revision {serving['revision']}{what}"


def _named(part: dict[str, Any], words: str = "") -> str:
    return f"{_short(part['digest'])} ({words})" if words else _short(part["digest"])


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:_DIGITS]
