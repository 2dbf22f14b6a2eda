"""What stands between this machine and packages: certificates, proxy, package sources."""

import os
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from localmodel.doctor.finding import Finding
from localmodel.errors import UserError
from localmodel.requirements import sources
from localmodel.requirements.sources import Sources

_CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
_PORTS = {"https": 443, "http": 80}
_SECONDS = 2


def _certificates() -> list[Finding]:
    named = [(name, os.environ[name]) for name in _CERTIFICATE_VARIABLES if os.environ.get(name)]
    problems = [f"{name}={path}: {problem}" for name, path in named if (problem := _problem(Path(path)))]
    if problems:
        return [Finding("fail", "certificates", "; ".join(problems), "correct or unset the variable")]
    found = ", ".join(f"{name}={path}" for name, path in named)
    return [Finding("ok", "certificates", found or "the system's own (no variable names others)")]


def _problem(bundle: Path) -> str:
    if not bundle.is_file():
        return "no such file"
    try:
        ssl.create_default_context(cafile=str(bundle))
    except (ssl.SSLError, OSError):
        return "no certificates in it (expected in PEM form)"
    return ""


def _sources() -> list[Finding]:
    try:
        found = sources.read()
    except UserError as error:
        return [Finding("fail", "package sources", str(error), f"correct {sources.path()}")]
    except OSError as error:
        return [Finding("fail", "package sources", f"{sources.path()}: {error.strerror}", "make the file readable")]
    findings = [_packages(found), *_proxy(found)]
    if found.ca_bundle and (problem := _problem(found.ca_bundle)):
        fix = f"correct ca-bundle in {sources.path()}"
        findings.append(Finding("fail", "certificates of package sources", f"{found.ca_bundle}: {problem}", fix))
    return findings


def _packages(found: Sources) -> Finding:
    what = "package sources"
    told = str(found)
    # By way of a proxy, a direct connection says nothing.
    addresses = () if found.no_index or sources.proxies(found) else (found.index_url, *found.extra_index_urls)
    problems = {address: _refusal(address) for address in addresses if address}
    silent = [f"{sources.scrub(address)} ({problem})" for address, problem in problems.items() if problem]
    if silent:
        fix = f"is the address in {sources.path()} right, and is this machine in the network that it is for?"
        return Finding("warn", what, f"no answer from {', '.join(silent)}", fix)
    return Finding("ok", what, f"{told} ({sources.path()})" if sources.path().is_file() else told)


def _proxy(found: Sources) -> list[Finding]:
    named = found.proxy or next((os.environ[name] for name in _PROXY_VARIABLES if os.environ.get(name)), "")
    if not named:
        return [Finding("ok", "proxy", "none")]
    where = sources.path() if found.proxy else "the shell's variables (HTTPS_PROXY, HTTP_PROXY)"
    told = sources.scrub(named)
    if problem := _refusal(named):
        return [Finding("warn", "proxy", f"{told} does not answer ({problem})", f"correct or remove it in {where}")]
    return [Finding("ok", "proxy", f"{told}, from {where}")]


def _refusal(address: str) -> str:
    """Why nobody listens there; empty when somebody does."""
    parts = urlsplit(address if "://" in address else f"http://{address}")
    try:
        port = parts.port or _PORTS.get(parts.scheme, 80)
        with socket.create_connection((parts.hostname or "", port), _SECONDS):
            return ""
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)


LOOKS = (_certificates, _sources)
