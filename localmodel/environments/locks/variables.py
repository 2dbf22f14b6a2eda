"""The variables that uv and pip run with: the caller's only as far as they are listed here."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from localmodel.requirements.sources import Sources, proxies

# Where the user's things are, whom to trust, and how to speak to the network; proxies are added by themselves.
_MACHINE = (
    *("HOME", "NETRC", "TMPDIR", "LANG", "LC_ALL", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "ALL_PROXY", "all_proxy"),
)
# How uv works, wherever packages come from.
_UV = (
    *("UV_CACHE_DIR", "UV_NO_CACHE", "UV_LINK_MODE", "UV_OFFLINE", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS"),
    *("UV_HTTP_TIMEOUT", "UV_HTTP_CONNECT_TIMEOUT", "UV_HTTP_RETRIES"),
    *("UV_CONCURRENT_DOWNLOADS", "UV_CONCURRENT_BUILDS", "UV_CONCURRENT_INSTALLS"),
)
# Where packages come from, and which of them: these hold only where packages.toml names no sources.
_UV_SOURCES = (
    *("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX_STRATEGY"),
    *("UV_CONFIG_FILE", "UV_NO_CONFIG", "UV_TORCH_BACKEND", "UV_EXCLUDE_NEWER", "UV_PRERELEASE"),
)


def for_uv(sources: Sources, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """For uv where it runs nothing: no PATH, so that it finds neither git nor ssh nor another program.

    `no_index` is not in it: uv takes that as an option only.
    """
    names = {*_MACHINE, *_UV} if sources.names_packages else {*_MACHINE, *_UV, *_UV_SOURCES}
    kept = {name: value for name, value in environ.items() if name in names}
    if not sources.names_packages:
        # logins of indices by their names: UV_INDEX_TEAM_PASSWORD
        kept |= {name: value for name, value in environ.items() if name.startswith("UV_INDEX_")}
    return {"PATH": "", **kept, **_from_file(sources, environ)}


def for_building(sources: Sources, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """For uv where it may run programs of this machine (interpreters, compilers): all but what says other sources.

    git may be there for a build's own use; it speaks to no one.
    """
    dropped = (*_UV_SOURCES,) if sources.names_packages else ()
    kept = {name: value for name, value in environ.items() if name not in dropped}
    return {**kept, "GIT_ALLOW_PROTOCOL": "", **_from_file(sources, environ)}


def for_pip(sources: Sources, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """For pip where it runs nothing; nothing of the user's own configuration of pip is in it."""
    variables = {name: value for name, value in environ.items() if name in _MACHINE}
    variables |= {"PATH": "", "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    if sources.index_url:
        variables["PIP_INDEX_URL"] = sources.index_url
    if sources.extra_index_urls:
        variables["PIP_EXTRA_INDEX_URL"] = " ".join(sources.extra_index_urls)
    if sources.find_links:
        variables["PIP_FIND_LINKS"] = " ".join(link.replace(" ", "%20") for link in map(_as_url, sources.find_links))
    if sources.no_index:
        variables["PIP_NO_INDEX"] = "1"
    addresses = filter(None, (sources.index_url, *sources.extra_index_urls, *sources.find_links))
    # uv takes plain http as it is; pip wants to be told
    if plain := [address.split("/")[2] for address in addresses if address.startswith("http://")]:
        variables["PIP_TRUSTED_HOST"] = " ".join(plain)
    bundle = sources.ca_bundle or environ.get("SSL_CERT_FILE")
    trust = {"PIP_CERT": str(bundle)} if bundle and Path(bundle).is_file() else {}
    return {**variables, **trust, **proxies(sources, environ)}


def _from_file(sources: Sources, environ: Mapping[str, str]) -> dict[str, str]:
    """What packages.toml says, in uv's words."""
    said = proxies(sources, environ)
    if sources.ca_bundle:
        said["SSL_CERT_FILE"] = str(sources.ca_bundle)
    if not sources.names_packages:
        return said
    if uv_configuration(sources):
        return said  # which says all of it
    said["UV_NO_CONFIG"] = "1"
    if sources.index_url:
        said["UV_DEFAULT_INDEX"] = sources.index_url
    if sources.extra_index_urls:
        said["UV_INDEX"] = " ".join(sources.extra_index_urls)
    if sources.find_links:
        said["UV_FIND_LINKS"] = ",".join(sources.find_links)
    return said


def uv_configuration(sources: Sources) -> str:
    """The text of uv's configuration, where variables cannot say it: wheel folders are asked before any index.

    What is found in one is taken from there, or else somebody's package of the same name and a higher version would
    take the place of one's own.
    """
    if not sources.prefers_folders:
        return ""
    indexes = [f'url = {json.dumps(link)}\nformat = "flat"' for link in sources.find_links]
    indexes += [f"url = {json.dumps(url)}" for url in sources.extra_index_urls]
    indexes += [f"url = {json.dumps(sources.index_url)}\ndefault = true"] if sources.index_url else []
    return "".join(f"[[index]]\n{index}\n" for index in indexes)


def _as_url(link: str) -> str:
    return link if "://" in link else Path(link).as_uri()
