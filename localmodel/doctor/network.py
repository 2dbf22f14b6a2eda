"""Checks the way to packages: certificates, proxy, package sources."""

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
    text = ", ".join(f"{name}={path}" for name, path in named)
    return [Finding("ok", "certificates", text or "the system's own (no variable names others)")]


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
        configured = sources.read()
    except UserError as error:
        return [Finding("fail", "package sources", str(error), f"correct {sources.path()}")]
    except OSError as error:
        return [Finding("fail", "package sources", f"{sources.path()}: {error.strerror}", "make the file readable")]
    findings = [_packages(configured), *_proxy(configured)]
    if configured.ca_bundle and (problem := _problem(configured.ca_bundle)):
        fix = f"correct ca-bundle in {sources.path()}"
        findings.append(Finding("fail", "certificates of package sources", f"{configured.ca_bundle}: {problem}", fix))
    return findings


def _packages(configured: Sources) -> Finding:
    what = "package sources"
    text = str(configured)
    # With a proxy, a direct connection would prove nothing.
    addresses = (
        ()
        if configured.no_index or sources.proxies(configured)
        else (configured.index_url, *configured.extra_index_urls)
    )
    problems = {address: _refusal(address) for address in addresses if address}
    silent = [f"{sources.scrub(address)} ({problem})" for address, problem in problems.items() if problem]
    if silent:
        fix = f"is the address in {sources.path()} right, and is this machine in the network that it is for?"
        return Finding("warn", what, f"no answer from {', '.join(silent)}", fix)
    return Finding("ok", what, f"{text} ({sources.path()})" if sources.path().is_file() else text)


def _proxy(configured: Sources) -> list[Finding]:
    named = configured.proxy or next((os.environ[name] for name in _PROXY_VARIABLES if os.environ.get(name)), "")
    if not named:
        return [Finding("ok", "proxy", "none")]
    where = sources.path() if configured.proxy else "the shell's variables (HTTPS_PROXY, HTTP_PROXY)"
    text = sources.scrub(named)
    if problem := _refusal(named):
        return [Finding("warn", "proxy", f"{text} does not answer ({problem})", f"correct or remove it in {where}")]
    return [Finding("ok", "proxy", f"{text}, from {where}")]


def _refusal(address: str) -> str:
    """Why the address cannot be reached, or ""."""
    parts = urlsplit(address if "://" in address else f"http://{address}")
    try:
        port = parts.port or _PORTS.get(parts.scheme, 80)
        with socket.create_connection((parts.hostname or "", port), _SECONDS):
            return ""
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)


LOOKS = (_certificates, _sources)
