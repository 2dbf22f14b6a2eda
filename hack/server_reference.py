#!/usr/bin/env python3
"""Prints docs/reference/server.md: the scoring server's flags, variables and routes, from its own code."""

import argparse
from collections.abc import Iterator

from localmodel_server.__main__ import build_parser
from localmodel_server.configuration.threads import VARIABLES as THREADS
from localmodel_server.configuration.variables import IGNORED, VARIABLES

PAGE = """\
# The scoring server

`hack/docs` makes this page from `scoring-image/localmodel_server/`.

In a deployment, the operator or `lmd apply` sets what the server needs. To try a script by hand, run this in its
folder:

```sh
LOCALMODEL_PYTHON=$(command -v python) python -m localmodel_server --entry_script score.py --model_dir models
```

A flag takes precedence over its environment variable, and the variable over the config file. With a revision file,
everything in it except the ports changes with the revision, without a restart.

## Flags
Azure ML's flags may be written with `_` or `-`. Relative paths are relative to the current folder.

{flags}
## Environment variables
{variables}
true and false may be written as 1 and 0, in any case.

Each worker gets a number of threads for numeric libraries, so that workers do not compete: its share of the CPUs that
the container may use, less one for the server. The number is in these variables: {threads}. Variables that are already
set stay as they are. If OMP_NUM_THREADS is set, libraries that respect it get no variable of their own.

These are accepted and have no effect, because nothing is sent to Azure: {ignored}.

## Config file
`--config_file` or AZUREML_CONFIG_FILE names a JSON object. Its keys are the variables above; its values are texts,
whole numbers, true or false. The server does not start with a file or a value that is not valid, and warns of unknown
keys. Without either, the server reads a `config.json` in AML_APP_ROOT, or else beside the entry script, if it has at
least one of these keys. It ignores any other file of that name (a model's, a workspace's), and a line in the log says
so.

## Routes
| route | answer |
|---|---|
| `POST /score`, `GET /score` | the result of run() |
| `GET /` | `Healthy`, or 503 and the reason |
| `GET /livez` | 200 as long as the server runs |
| `GET /readyz` | the revision that serves, or 503 and the reason why none does |
| `GET /readyz?stopping=ready` | the same, but 200 while a server that stops takes requests: a pod's probe |
| `GET /metrics` | metrics for Prometheus |
| `GET /swagger.json?version=` | how to call `/score`: 2 (the default; also 2.0), 3 (also 3.0), 3.1 |
| `GET /openapi.json` | every route, including those of other protocols, in OpenAPI 3.1 |
| `GET /ui` | a page for a browser that sends requests and shows the answers |

A script whose run() has a schema also takes the bodies of MLflow's clients at `/score`, and of Azure ML's for models
without a script: `input_data` (a list, or an object with `columns`, `data` and perhaps `index`), `dataframe_split`,
`dataframe_records`, `instances` or `inputs` in the place of the parameter. A body is taken so when one of these is
its first key and no parameter has that name, but not under strict parity. The answer is the result of run(), without
`predictions`.

The health port, if there is one, answers only `GET /`, `GET /livez` and `GET /readyz`.

A `swagger.json` or `swagger2.json` (version 2), `swagger3.json` or `swagger3.1.json` in AML_APP_ROOT replaces the
document that is made from the script's schema decorators.

## Revisions without a restart
With `--revision-file`, SIGHUP loads the current content of the file beside the serving revision. The new revision
serves when its init() has returned and it has passed its gate (LOCALMODEL_GATE). The status file then contains
`serving` and `wanted` (revisions), and `error`, `reason` (`InitFailed`, `GateFailed`, `NoRoom`, `SettingsInvalid`,
`ErrorRate`) and `traceback`, which are null if everything went well. After success it also contains `how` the workers
were started, and the `milliseconds` that this took (`load`, `gate`).

The workers of the previous revision stay idle for ten minutes, if there is enough memory and LOCALMODEL_CONTENT says
what they serve. Going back to it then starts no process. If
[something that they have started would continue](../reliability.md#what-a-script-starts), they end as soon as they have
answered, and going back loads the revision again. The server goes back automatically if, within a minute of a switch,
at least ten requests have arrived, at least half of them failed (status 500 or more), and the previous revision failed
with less than half of that share.

## Admin port
In pods, the operator sends revisions to LOCALMODEL_ADMIN_PORT, to which no Service leads. Every call has a header
`X-Localmodel-Token`: base64url(payload) `.` base64url(Ed25519 signature of the payload). The payload is JSON with
`action` (the path's name), `pod` (LOCALMODEL_POD_UID), `epoch`, `content`, `body` (SHA-256 of the body in hex) and
`expires` (Unix seconds; clocks may differ by five minutes). Other calls are answered with 403.

| call | answer |
|---|---|
| `GET /state` | what serves (epoch, revision, content), what is prepared, what the pod has, how requests went |
| `POST /prepare` | 200 if the revision in the body can serve: unpacked, init() returned, gate passed |
| `POST /commit` | 200 and the state when it serves; a commit that fails makes the pod unready |
| `POST /abort` | 200 and the state when the prepared revision is discarded |
| `POST /trial` | 200 and the state when the prepared revision is tried on clients' requests, or no more |
| `POST /answered` | 200 and the last captured requests, each with two answers of what serves; 4 MB at most |
| `POST /replay` | 200 and the state when what is on hold has answered these as before; it stays on hold |
| `POST /leave` | 200 and `kept`, the connections that may still send; as after SIGTERM, each answer is the last |

Errors have `reason` and `message`. 400: `BadBundle`, `BadTrial`, `BadReplay`, `BadBody`. 409, if the pod is not in the
state that the caller expects: `Superseded` by a newer epoch, `NotPrepared`, `NotOnHold`, `NotHeld`, `ModelMissing`,
`OtherEnvironment`, `Aborted`, `Committed`, `Stopping`. 413: `TooLarge`. 422, if the revision cannot serve: `InitFailed`
with its traceback, `GateFailed`, `ReplayFailed`, `SettingsInvalid`. 507: `NoRoom`, in memory or in
LOCALMODEL_STATE_FOLDER.

A bundle is an uncompressed tar of `bundle.json` (`revision`, `entry`, `models`, `variables`, `content`, `environment`),
`code/`, `models/HEX/` for models that the pod does not have, and `gate.json`. It contains only files and folders. For a
content that the pod already has, it may contain only bundle.json and gate.json, or nothing.

When it starts, a pod serves the newest of three revisions: that of its image, the last one that it was told to serve
(in LOCALMODEL_STATE_FOLDER), and the one committed for all pods (`wanted.json` and `bundle.tar` in
LOCALMODEL_WANTED_FOLDER). If it cannot serve that one, it stays unready until it receives it.

`wanted.json` contains `owner` (LOCALMODEL_OWNER), `epoch`, `revision`, `content`, `environment`, `committed`, and the
digests `gate` and `bundle` of the files beside it. `wanted.sig` is the Ed25519 signature, in base64, of the line
`localmodel.dev/decision` and that text. A decision is ignored if it has no valid signature, belongs to another
deployment, or has other files beside it; the log and `ignored` in `/state` give the reason.

## Metrics
| metric | what it is |
|---|---|
| `localmodel_requests_total` | answered scoring requests, by `dialect` and `status` |
| `localmodel_request_duration_seconds` | histogram of their seconds, by `stage`: `queue`, `run`, `total` |
| `localmodel_batch_size` | histogram of how many requests one call of run() answers |
| `localmodel_queue_depth` | requests that wait for a worker |
| `localmodel_requests_in_flight` | requests that have a worker or wait for one |
| `localmodel_workers` | workers that can serve |
| `localmodel_memory_bytes` | bytes of the server and all its processes, what they share counted once; 0 where unknown |
| `localmodel_worker_restarts_total` | workers that had to be replaced, by `reason` |
| `localmodel_captured_requests_total` | requests to [keep](../how-to/capture.md): `written`, `dropped`, `failed` |
| `localmodel_serving_info` | 1, with the serving `revision` and `model` |

`process_*` are the memory, CPU time and open files of the server itself, without those of the workers.

## Log
The log has one line for each event on stderr, with times in UTC. A request is
`TIME INFO REQUEST-ID METHOD PATH STATUS MILLISECONDS`, or the same as JSON (LOCALMODEL_LOG_FORMAT). Payloads are never
logged, and nothing that a client sends can break a line.
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
