"""Files and folders in buckets: s3://, gs:// and az://, with the file systems that fsspec has for them.

Their own variables and files say who asks, such as AWS_PROFILE and GOOGLE_APPLICATION_CREDENTIALS.
"""

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from localmodel import digests, reasons
from localmodel.addresses.address import Address
from localmodel.addresses.arrival import CHUNK, Arrival
from localmodel.errors import UserError

_LIBRARIES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}
_BLOCK = 8 * CHUNK
# By itself gcsfs waits half an hour for a server that sends nothing (seconds for each of its seven tries), and does not
# look for a proxy.
_OPTIONS: dict[str, dict[str, Any]] = {"gs": {"requests_timeout": 60.0, "session_kwargs": {"trust_env": True}}}


def fetch(address: Address, arrival: Arrival) -> str:
    """Download the file, or the folder's files; return its name."""
    name = address.file_name
    # Otherwise gcsfs asks for the kind of each bucket first, by a way that no proxy of HTTPS_PROXY leads to.
    os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    import_module(_LIBRARIES[address.scheme])
    # It logs what it tries, and tracebacks of what it is refused, with addresses that may be signed.
    logging.getLogger(_LIBRARIES[address.scheme]).setLevel(logging.CRITICAL)
    with _translated(address):
        place = import_module("fsspec").filesystem(address.scheme, **_OPTIONS.get(address.scheme, {}))
        root = str(place._strip_protocol(address.text)).rstrip("/")
        entry = place.info(root)
        is_folder = entry["type"] == "directory"
        files = dict(place.find(root, detail=True)) if is_folder else {root: entry}
    if is_folder:
        if address.sha256:
            raise UserError(reasons.ADDRESS_INVALID, f"{address.shown}: it is a folder, and #sha256= is for one file")
        # Consoles of buckets make an empty file of this name for each folder.
        files = {path: about for path, about in files.items() if path.startswith(f"{root}/") and not path.endswith("/")}
    arrival.identify(_mark(files))
    inside = {path: path.removeprefix(root) for path in files}
    arrival.expect((f"{name}{rest}" for rest in inside.values()), sum(about["size"] or 0 for about in files.values()))
    for path, rest in inside.items():
        with arrival.file(f"{name}{rest}") as file:
            with _translated(address), place.open(path, "rb", block_size=_BLOCK, cache_type="readahead") as source:
                while chunk := source.read(CHUNK):
                    file.write(chunk)
            if file.size != files[path]["size"]:
                raise UserError(
                    reasons.ADDRESS_UNREACHABLE,
                    f"{address.shown}: {file.size:,} of {files[path]['size']:,} bytes came: it has changed meanwhile",
                )
            file.finish("" if is_folder else address.sha256, address.shown)
    return name


def _mark(files: Mapping[str, Mapping[str, Any]]) -> str:
    """What the bucket says of the contents of all files; "" if it says nothing of one."""
    tags = {path: about.get("ETag") or about.get("etag") for path, about in files.items()}
    return digests.of_json({path: str(tag) for path, tag in tags.items()}) if all(tags.values()) else ""


@contextlib.contextmanager
def _translated(address: Address) -> Iterator[None]:
    """Turns the errors of the libraries into sentences, without their texts, which may contain a signed address."""
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(reasons.ADDRESS_NOT_FOUND, f"{address.shown}: there is nothing") from None
    except Exception as error:  # each library has its own, for which there is no common base
        kind = type(error).__name__
        if _is_refusal(error):
            raise UserError(
                reasons.ADDRESS_REFUSED,
                f"{address.shown}: the bucket does not let you read it ({kind}): {_SIGN_IN[address.scheme]}",
            ) from None
        raise UserError(
            reasons.ADDRESS_UNREACHABLE, f"{address.shown}: {_LIBRARIES[address.scheme]} cannot read it ({kind})"
        ) from None


def _is_refusal(error: Exception) -> bool:
    """Whether the bucket refuses who asks, or the library knows of nobody."""
    kind, text = type(error).__name__, str(error)
    is_named = isinstance(error, PermissionError) or any(word in kind for word in ("Credential", "Auth", "Signing"))
    # gcsfs has no error of its own for a refusal, and adlfs none for an account that nobody has named.
    return is_named or _status(error) in (401, 403) or text.startswith("Forbidden: ") or "account_name" in text


def _status(error: Exception) -> object:
    """The status of an HTTP answer, where the library's error has it."""
    return next((getattr(error, name) for name in ("status", "status_code", "code") if hasattr(error, name)), None)


_SIGN_IN = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; FSSPEC_S3_ANON=true reads a public bucket",
    "gs": "gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
}
