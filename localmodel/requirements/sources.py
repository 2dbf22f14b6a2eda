"""Reads where packages come from: `packages.toml` in the home folder.

It has no credentials, because uv and pip read them from netrc. Texts for a terminal, a log or a status go through
`scrub()` first.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localmodel import reasons
from localmodel.disk import home, state_file
from localmodel.errors import UserError
from localmodel_untrusted.files import decoded

_USER_PART = re.compile(r"(?<=://)[^/\s'\"`<>]*@")
_QUERY = re.compile(r"(://[^?\s'\"`<>]*\?)[^\s'\"`<>)]+")
_KEYS = {
    "index-url": str,
    "extra-index-urls": list,
    "find-links": list,
    "no-index": bool,
    "ca-bundle": str,
    "proxy": str,
    "image-mirrors": dict,
}
_KINDS = {str: "text", list: "a list of texts", bool: "true or false", dict: "a table of texts"}
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Sources:
    """The content of the file. `find_links` are folders or pages; an extra index takes precedence over `index_url`.

    `image_mirrors`: beginning of an image's full name (docker.io/library) -> its replacement.
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    ca_bundle: Path | None = None
    proxy: str | None = None
    image_mirrors: Mapping[str, str] = field(default_factory=dict)

    @property
    def names_packages(self) -> bool:
        """Whether packages do not come from uv's default, or go another way."""
        return bool(self.index_url or self.extra_index_urls or self.find_links or self.no_index or self.proxy)

    @property
    def prefers_folders(self) -> bool:
        """Whether there are indexes that are asked only for packages that no wheel folder has."""
        return bool(self.find_links) and not self.no_index

    def __str__(self) -> str:
        """The places of packages, for messages, without secrets."""
        index = [] if self.no_index else [*self.extra_index_urls, self.index_url or "uv's default index"]
        return scrub(", ".join([*index, *self.find_links]))


def path() -> Path:
    return home.home() / "packages.toml"


def read() -> Sources:
    """The content of packages.toml, empty if there is no file.

    Raises:
        UserError: PackageSourcesInvalid.
    """
    file = path()
    try:
        content = tomllib.loads(decoded(state_file.bytes_of(file) or b"").removeprefix("\ufeff"))
    except RecursionError:
        raise _invalid("nested too deeply") from None
    except ValueError as error:
        raise _invalid(str(error)) from None
    for key, value in content.items():
        _check(key, value)
    named = content.get("ca-bundle")
    bundle = file.parent / Path(named).expanduser() if named else None
    if bundle and not bundle.is_file():
        raise _invalid(f"ca-bundle: there is no file {bundle}")
    return Sources(
        index_url=_url("index-url", content.get("index-url")),
        extra_index_urls=tuple(_url("extra-index-urls", url) or "" for url in content.get("extra-index-urls", [])),
        find_links=tuple(_folder(link, file.parent) for link in content.get("find-links", [])),
        no_index=content.get("no-index", False),
        ca_bundle=bundle,
        proxy=content.get("proxy"),
        image_mirrors=content.get("image-mirrors", {}),
    )


def _check(key: str, value: Any) -> None:
    if key not in _KEYS:
        raise _invalid(f"{key}: unknown key; choose from {', '.join(_KEYS)}")
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else []
    if not isinstance(value, _KEYS[key]) or not all(isinstance(item, str) for item in inner):
        raise _invalid(f"{key}: expected {_KINDS[_KEYS[key]]}")


def _url(key: str, url: str | None) -> str | None:
    if url is None:
        return None
    if not re.match(r"https?://[^/]", url):
        raise _invalid(f"{key}: {scrub(url)!r} is not an address; start it with https:// or http://")
    if holds_secret(url):
        host = _USER_PART.sub("", url).split("/")[2].partition(":")[0]
        raise _invalid(
            f"{key}: the address holds a user name or a password. Write it without, and put them into ~/.netrc: "
            f"machine {host} login NAME password PASSWORD"
        )
    return url


def _folder(link: str, beside: Path) -> str:
    if "://" in link:
        return _url("find-links", link) or ""
    folder = beside / Path(link).expanduser()
    if not folder.is_dir():
        raise _invalid(f"find-links: there is no folder {folder}")
    return str(folder)


def _invalid(what: str) -> UserError:
    return UserError(reasons.PACKAGE_SOURCES_INVALID, f"{path()}: {what}")


def proxies(sources: Sources, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The proxy variables in both spellings, from the file, else from `environ`."""
    variables: dict[str, str] = {}
    for name in _PROXIES:
        value = environ.get(name) or environ.get(name.lower())
        if sources.proxy and name != "NO_PROXY":
            value = sources.proxy
        if value:
            variables |= {name: value, name.lower(): value}
    return variables


def scrub(text: str) -> str:
    """The text without what may be secret in addresses: user name, password and query."""
    return _QUERY.sub(r"\1***", _USER_PART.sub("***@", text))


def holds_secret(text: str) -> bool:
    """Whether an address in the text has a user name or password."""
    return _USER_PART.search(text) is not None
