#!/usr/bin/env python3
"""Prints docs/reference/server.md: the scoring server's flags, variables and routes, from its own code."""

import argparse
from collections.abc import Iterator

from localmodel_server.__main__ import build_parser
from localmodel_server.configuration.threads import VARIABLES as THREADS
from localmodel_server.configuration.variables import IGNORED, VARIABLES

PAGE = """\
# The scoring server

Made from `scoring-image/localmodel_server/` by `hack/docs`; edit that one.

In a deployment the operator (or `lmd apply`) sets what the server needs. To try a script by hand, in its folder:

```sh
LOCALMODEL_PYTHON=$(command -v python) python -m localmodel_server --entry_script score.py --model_dir models
```

A flag wins over its environment variable, and that over the config file. Where a revision file is used, everything in
it but the ports changes with the revision, without a restart.

## Flags
Azure ML's flags may be written with `_` or `-`. Relative paths start in the current folder.

{flags}
## Environment variables
{variables}
true and false may be written 1 and 0, in any case.

Each worker gets its share of the CPUs that the container may use, less one for the server, as the number of
threads for numeric libraries, so that workers do not stand in each other's way: {threads}. Those that are set
already stay as they are; with OMP_NUM_THREADS set, libraries that heed it get no variable of their own.

Accepted and without effect, because nothing is sent to Azure: {ignored}.

## Config file
`--config_file` or AZUREML_CONFIG_FILE names a JSON object with the variables above as keys, and texts, whole numbers,
true or false as values. The server does not start with a file or a value that it cannot use, and warns of keys that
it does not know. Without either, a `config.json` in AML_APP_ROOT, or else beside the entry script, is read if it has
at least one of these keys. Any other file of that name (a model's, a workspace's) is left alone, which a line in the
log says.

## Routes
| route | answer |
|---|---|
| `POST /score`, `GET /score` | what run() returned |
| `GET /` | `Healthy`, or 503 and why not |
| `GET /livez` | 200 as long as the server runs |
| `GET /readyz` | the revision that serves, or 503 and why none does |
| `GET /metrics` | figures for Prometheus |
| `GET /swagger.json?version=` | how to call `/score`: 2 (the default; also 2.0), 3 (also 3.0), 3.1 |
| `GET /openapi.json` | every route, those of the other dialects included, in OpenAPI 3.1 |

The health port, if there is one, answers the first three of `GET` alone.

A `swagger.json` or `swagger2.json` (version 2), `swagger3.json` or `swagger3.1.json` in AML_APP_ROOT takes the place of
the document made from the script's schema decorators.

## Revisions without a restart
With `--revision-file`, SIGHUP loads what the file has then, beside what serves; it serves when its init() has returned
and it has passed its gate (LOCALMODEL_GATE). The status file then has `serving` and `wanted` (revisions), `error`,
`reason` (`InitFailed`, `GateFailed`, `NoRoom`, `SettingsInvalid`, `ErrorRate`) and `traceback`, each null when all went
well, and `how` the workers were started with its `milliseconds` (`load`, `gate`) when it did.

The workers of the revision before stay for ten minutes, idle, if there is memory for them and LOCALMODEL_CONTENT says
what they are: going back to it starts no process. They end as soon as they have answered, and going back loads the
revision anew, when [something of theirs would go on](../reliability.md#what-a-script-starts). The server goes back by
itself when, within a minute of a switch, at least ten requests have come, at least half of them failed (status 500 or
more), and less than half as many did before.

## Admin port
In pods the operator sends revisions to LOCALMODEL_ADMIN_PORT, which no Service leads to. Every call has a header
`X-Localmodel-Token`: base64url(payload) `.` base64url(Ed25519 signature of the payload), the payload being JSON with
`action` (the path's name), `pod` (LOCALMODEL_POD_UID), `epoch`, `content`, `body` (SHA-256 of the body in hex) and
`expires` (Unix seconds; clocks may be five minutes apart). Other calls are answered with 403.

| call | answer |
|---|---|
| `GET /state` | what serves (epoch, revision, content), what is prepared, what the pod has, how requests went |
| `POST /prepare` | 200 when the revision in the body could serve: unpacked, init() returned, gate passed |
| `POST /commit` | 200 and the state when it serves; a commit that cannot be done makes the pod unready |
| `POST /abort` | 200 and the state when what was prepared is forgotten |
| `POST /leave` | 200 and `kept`, the connections that may still ask; as after SIGTERM each answer is the last |

Errors have `reason` and `message`: 400 `BadBundle`; 409 when the pod is not as the caller takes it to be (`Superseded`
by a newer epoch, `NotPrepared`, `NotHeld`, `ModelMissing`, `OtherEnvironment`, `Aborted`, `Committed`, `Stopping`);
413 `TooLarge`; 422 when the revision cannot serve (`InitFailed` with its traceback, `GateFailed`, `SettingsInvalid`);
507 `NoRoom`, in memory or in LOCALMODEL_STATE_FOLDER.

A bundle is a tar, not compressed, of `bundle.json` (`revision`, `entry`, `models`, `variables`, `content`,
`environment`), `code/`, `models/HEX/` for models that the pod does not have, and `gate.json`; only files and folders.
Of a content that the pod has, it may be bundle.json and gate.json alone, or nothing.

At its start a pod serves the newest of its image's revision, the one it was last told to serve (in
LOCALMODEL_STATE_FOLDER), and the one committed for all pods (`wanted.json` and `bundle.tar` in
LOCALMODEL_WANTED_FOLDER). If it cannot serve that one, it stays unready until it is sent.

`wanted.json` says `owner` (LOCALMODEL_OWNER), `epoch`, `revision`, `content`, `environment`, `committed`, and the
digests `gate` and `bundle` of the files beside it. `wanted.sig` is the Ed25519 signature, in base64, of the line
`localmodel.dev/decision` and that text. A decision that is not signed so, or is about another deployment, or has other
files beside it, is ignored as if it were not there; the log and `ignored` in `/state` say why.

## Metrics
| metric | what it is |
|---|---|
| `localmodel_requests_total` | scoring requests answered, by `dialect` and `status` |
| `localmodel_request_duration_seconds` | histogram of their seconds, by `stage`: `queue` (in line), `run`, `total` |
| `localmodel_batch_size` | histogram of how many requests one call of run() answers |
| `localmodel_queue_depth` | requests that wait for a worker |
| `localmodel_requests_in_flight` | requests that have a worker or wait for one |
| `localmodel_workers` | workers that can serve |
| `localmodel_worker_restarts_total` | workers that had to be replaced, by `reason` |
| `localmodel_serving_info` | 1, with the `revision` and the `model` that serve |

The server's own memory, CPU time and open files are there, too (`process_*`), without those of the workers.

## Log
One line per event on stderr, times in UTC. A request is `TIME INFO REQUEST-ID METHOD PATH STATUS MILLISECONDS`, or the
same as JSON (LOCALMODEL_LOG_FORMAT); payloads are never logged, and what a client sends cannot break a line.
"""


def render() -> str:
    """The page."""
    return PAGE.format(
        flags=_table("| flag | what it is |", _flags(build_parser())),
        variables=_table("| variable | default | what it is |", _variables()),
        threads=", ".join(THREADS),
        ignored=", ".join(sorted(IGNORED)),
    )


def _table(head: str, rows: Iterator[str]) -> str:
    return "\n".join([head, "|---" * (head.count("|") - 1) + "|", *rows]) + "\n"


def _flags(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if action.help not in (None, argparse.SUPPRESS) and action.dest != "help":
            text = str(action.help) % {"default": action.default}
            yield f"| `{action.option_strings[0]}` | {_sentence(text)} |"


def _variables() -> Iterator[str]:
    for variable in VARIABLES:
        default = f"`{variable.default}`" if variable.default else ""
        flag = f" (flag `{variable.flag}`)" if variable.flag else ""
        yield f"| `{variable.name}` | {default} | {variable.text}{flag}. |"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


if __name__ == "__main__":
    print(render(), end="")
