"""The program that fetches one model or source folder for the operator: its own process, with one Secret's credentials.

It reads a `Request` as JSON from its standard input, and writes lines of JSON: `{"done", "total"}` in bytes, and at the
end `{"version"}` or `{"reason", "message"}`. No credential is in its arguments, or in what it writes. Its argument is
an empty folder, in which libraries find credentials; whoever runs it removes that, because a killed process cannot.
"""

import contextlib
import json
import os
import resource
import signal
import sys
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.resource.spec import GitRef, ModelRef
from localmodel.store import Store
from localmodel.store.fetched import from_address, from_git

# Keys of a Secret that are passed on as variables. Addresses of servers are not among them: the operator's own
# environment names those, because what they answer with comes into pods.
VARIABLES = (
    *("HF_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN"),
    *("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"),
)
USER, PASSWORD, GOOGLE = "username", "password", "GOOGLE_APPLICATION_CREDENTIALS"
KEYS = (USER, PASSWORD, GOOGLE, *VARIABLES)
_REPORT_EVERY = 1.0  # seconds
_SOURCE_MEMORY = 1 << 30  # for what a repository's server makes a fetch hold


@dataclass(frozen=True)
class Request:
    """What is to be fetched into which store. `credentials` are the Secret's, by key.

    With an `entry` script, it is a source folder: `ref` and `path` in the repository at `uri`. With a `version`, it is
    a model of the shared store.
    """

    store: str
    name: str
    uri: str
    digest: str
    credentials: Mapping[str, str]
    ref: str = ""
    path: str = ""
    entry: str = ""
    version: int = 0


def main() -> None:
    # What has arrived is removed on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    request = Request(**json.load(sys.stdin))
    # Libraries may print what they do, which is no answer.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            _say(version=_fetched(request, Path(sys.argv[1])))
        except UserError as error:
            _say(reason=error.reason, message=str(error))
        except Exception as error:  # its text may have credentials
            _say(reason=reasons.ADDRESS_UNREACHABLE, message=f"it cannot be fetched ({type(error).__name__})")


def _fetched(request: Request, home: Path) -> int:
    store = Store(Path(request.store))
    if request.version:
        return store.models.fetch(request.name, request.version, _meter()).version
    store.log_in()  # while the operator's credentials can be read
    uri = _prepare(request.uri, request.credentials, home)
    if not request.entry:
        reference = ModelRef(request.name, uri=uri, digest=request.digest)
        return from_address.fetch(store, reference, _meter(), foreign=True).version
    with contextlib.suppress(ValueError, OSError):  # not every system has it
        resource.setrlimit(resource.RLIMIT_DATA, (_SOURCE_MEMORY, _SOURCE_MEMORY))
    login = None
    if USER in request.credentials or PASSWORD in request.credentials:
        # Servers that ask for a token alone take any name with it.
        login = request.credentials.get(USER, "git"), request.credentials.get(PASSWORD, "")
    git = GitRef(request.uri, request.ref, request.path)
    return from_git.fetch(store, git, request.entry, login, foreign=True).version


def _prepare(uri: str, credentials: Mapping[str, str], home: Path) -> str:
    """Put the credentials where the readers look for them; return the address with those that belong into it."""
    os.environ["HOME"] = str(home)  # none of the operator's own
    os.environ.pop("DOCKER_CONFIG", None)
    os.environ.update({name: credentials[name] for name in VARIABLES if name in credentials})
    if "AWS_ACCESS_KEY_ID" not in credentials:
        os.environ["FSSPEC_S3_ANON"] = "true"
    # The cloud's own credentials are those of the machine.
    os.environ.update(AWS_EC2_METADATA_DISABLED="true", NO_GCE_CHECK="true")
    if not {"AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN"} & credentials.keys():
        os.environ["AZURE_STORAGE_ANON"] = "true"
    if GOOGLE in credentials:
        os.environ[GOOGLE] = str(_google(credentials[GOOGLE], home))
    if USER not in credentials:
        return uri
    user, password = credentials[USER], credentials.get(PASSWORD, "")
    scheme, _, rest = uri.partition("://")
    if scheme.lower() == "oci":
        registry = rest.partition("/")[0]
        auth = b64encode(f"{user}:{password}".encode()).decode()
        (home / "config.json").write_text(json.dumps({"auths": {registry: {"auth": auth}}}))
        os.environ["DOCKER_CONFIG"] = str(home)
    elif scheme.lower() in ("https", "http") and "@" not in urlsplit(uri).netloc:
        return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest}"
    return uri


def _google(content: str, home: Path) -> Path:
    """The file of a service account's key. Other kinds of credentials name files and programs of this machine.

    Raises:
        UserError: AddressRefused.
    """
    try:
        is_key = json.loads(content)["type"] == "service_account"
    except (ValueError, TypeError, KeyError):
        is_key = False
    if not is_key:
        raise UserError(reasons.ADDRESS_REFUSED, f"the Secret's {GOOGLE} is not the JSON key of a service account")
    path = home / "google.json"
    path.write_text(content)
    return path


def _meter() -> Any:
    last = 0.0

    def report(done: int, total: int) -> None:
        nonlocal last
        if (now := time.monotonic()) >= last + _REPORT_EVERY:
            last = now
            _say(done=done, total=total)

    return report


def _say(**fields: Any) -> None:
    print(json.dumps(fields), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    main()
