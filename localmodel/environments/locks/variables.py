"""The environment variables of uv, with only those of the caller that are listed here."""

import json
import os
from collections.abc import Mapping

from localmodel.requirements.sources import Sources, proxies

# The user's folders, certificates and network settings; proxies are added separately.
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
# Package sources, which count only if packages.toml names none.
_UV_SOURCES = (
    *("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX_STRATEGY"),
    *("UV_CONFIG_FILE", "UV_NO_CONFIG", "UV_TORCH_BACKEND", "UV_EXCLUDE_NEWER", "UV_PRERELEASE"),
)


def for_uv(sources: Sources, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables for uv when it runs no code: without PATH, so that it finds neither git nor any other program.

    `no_index` is missing, because uv accepts it only as an option.
    """
    names = {*_MACHINE, *_UV} if sources.names_packages else {*_MACHINE, *_UV, *_UV_SOURCES}
    kept = {name: value for name, value in environ.items() if name in names}
    if not sources.names_packages:
        # logins for indices by name, such as UV_INDEX_TEAM_PASSWORD
        kept |= {name: value for name, value in environ.items() if name.startswith("UV_INDEX_")}
    return {"PATH": "", **kept, **_from_file(sources, environ)}


def for_building(sources: Sources, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables for uv when it may run programs (interpreters, compilers): all except those for package sources.

    A build may use git, but git cannot reach the network.
    """
    dropped = (*_UV_SOURCES,) if sources.names_packages else ()
    kept = {name: value for name, value in environ.items() if name not in dropped}
    return {**kept, "GIT_ALLOW_PROTOCOL": "", **_from_file(sources, environ)}


def _from_file(sources: Sources, environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of packages.toml as uv's variables."""
    variables = proxies(sources, environ)
    if sources.ca_bundle:
        variables["SSL_CERT_FILE"] = str(sources.ca_bundle)
    if not sources.names_packages:
        return variables
    if uv_configuration(sources):
        return variables  # the configuration has the rest
    variables["UV_NO_CONFIG"] = "1"
    if sources.index_url:
        variables["UV_DEFAULT_INDEX"] = sources.index_url
    if sources.extra_index_urls:
        variables["UV_INDEX"] = " ".join(sources.extra_index_urls)
    if sources.find_links:
        variables["UV_FIND_LINKS"] = ",".join(sources.find_links)
    return variables


def uv_configuration(sources: Sources) -> str:
    """The text of uv's configuration for what variables cannot express: wheel folders come before any index.

    A package in a wheel folder is taken only from there; otherwise a stranger's package of the same name and a higher
    version could replace it.
    """
    if not sources.prefers_folders:
        return ""
    indexes = [f'url = {json.dumps(link)}\nformat = "flat"' for link in sources.find_links]
    indexes += [f"url = {json.dumps(url)}" for url in sources.extra_index_urls]
    indexes += [f"url = {json.dumps(sources.index_url)}\ndefault = true"] if sources.index_url else []
    return "".join(f"[[index]]\n{index}\n" for index in indexes)
