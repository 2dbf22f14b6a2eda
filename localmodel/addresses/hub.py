"""Models of a Hugging Face hub: hf://OWNER/MODEL@REVISION, or a file or folder of one behind a further slash.

HF_TOKEN or `hf auth login` says who asks, and HF_ENDPOINT names another hub.
"""

import re
from importlib import import_module
from typing import Any
from urllib.parse import unquote

from localmodel import reasons
from localmodel.addresses import web
from localmodel.addresses.address import Address
from localmodel.addresses.arrival import Arrival
from localmodel.errors import UserError

_PLACE = re.compile(r"(?P<model>[\w.-]+/[\w.-]+)(@(?P<revision>[^/]+))?(/(?P<path>.+))?")
_SIGN_IN = "accept the model's conditions on its page there, and set HF_TOKEN to a token of yours (or: hf auth login)"


def fetch(address: Address, arrival: Arrival) -> str:
    """Download the files of the revision; return the name of the folder or of the one file."""
    place = _PLACE.fullmatch(address.place.rstrip("/"))
    if place is None:
        raise UserError(reasons.ADDRESS_INVALID, f"{address.shown}: write hf://OWNER/MODEL@REVISION")
    hub = import_module("huggingface_hub")
    info = _info(hub, address, place["model"], unquote(place["revision"]) if place["revision"] else None)
    arrival.identify(info.sha)
    wanted = {file.rfilename: file for file in info.siblings if _is_in(file.rfilename, place["path"])}
    arrival.expect(wanted, sum(file.size or 0 for file in wanted.values()))
    token = hub.get_token()
    top, is_one = place["model"].partition("/")[2], place["path"] in wanted
    for name, file in wanted.items():
        source = web.Source(
            hub.hf_hub_url(place["model"], name, revision=info.sha),
            f"{address.shown} ({name})",
            (file.lfs.sha256 if file.lfs else "") or "",
            {"Authorization": f"Bearer {token}"} if token else {},
            _SIGN_IN,
        )
        web.download(source, arrival, name.rpartition("/")[2] if is_one else f"{top}/{name}")
    return str(place["path"]).rpartition("/")[2] if is_one else top


def _is_in(name: str, path: str | None) -> bool:
    return path is None or name == path or name.startswith(f"{path}/")


def _info(hub: Any, address: Address, model: str, revision: str | None) -> Any:
    """What the hub says of the revision: its commit, and its files."""
    errors = import_module("huggingface_hub.errors")
    try:
        return hub.HfApi().model_info(model, revision=revision, files_metadata=True, timeout=30)
    except errors.GatedRepoError:
        raise UserError(reasons.ADDRESS_REFUSED, f"{address.shown}: the model is gated: {_SIGN_IN}") from None
    except errors.RevisionNotFoundError:
        raise UserError(
            reasons.ADDRESS_NOT_FOUND, f"{address.shown}: the model has no branch, tag or commit {revision}"
        ) from None
    except errors.RepositoryNotFoundError:
        raise UserError(
            reasons.ADDRESS_NOT_FOUND,
            f"{address.shown}: the hub has no such model, or shows it only to those who may read it: set HF_TOKEN",
        ) from None
    except errors.HfHubHTTPError as error:
        raise UserError(
            reasons.ADDRESS_REFUSED, f"{address.shown}: the hub answers with status {error.response.status_code}"
        ) from None
    except Exception as error:  # its HTTP client differs between versions of the library, and so do its errors
        raise UserError(
            reasons.ADDRESS_UNREACHABLE, f"{address.shown}: the hub does not answer ({type(error).__name__})"
        ) from None
