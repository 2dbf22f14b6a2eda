"""Runs kubectl, which knows the user's clusters and credentials."""

import re
import subprocess
from collections.abc import Iterator
from typing import Any, TypeAlias

from localmodel import reasons
from localmodel.errors import UserError
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError

Object: TypeAlias = dict[str, Any]
# How kubectl's errors name our resource; other objects may be "not found", too.
_OURS = "localmodeldeployments."
# YAML reads 3.10 as a number, and true as a boolean.
_NOT_TEXT = re.compile(r'in body must be of type string: "(number|integer|boolean)"')
# How kubectl says that nothing answers, or that its configuration names nobody to ask.
_NO_CLUSTER = re.compile(
    r"dial tcp [^\n;\"]*|The connection to the server \S+ was refused|Unable to connect to the server: [^\n]*"
    r"|context \S+ does not exist|context was not found for specified context: [^\n]*|no such host"
)
# How it says that the custom resource definition is missing.
_NO_RESOURCE = re.compile(
    r"no matches for kind \"LocalModelDeployment\"|doesn't have a resource type \"localmodeldeployments"
)


class Kubectl:
    """kubectl for a context and a namespace; None means kubectl's default."""

    def __init__(self, context: str | None, namespace: str | None) -> None:
        self._namespace = namespace
        self.command = ["kubectl"]
        self.command += ["--context", context] if context else []
        self._context = context
        self.command += ["--namespace", namespace] if namespace else []

    def place(self) -> tuple[str, str]:
        """Names of the context and the namespace in use; "" if kubectl has none. Raises the errors of `run()`."""
        config = read(self.run("config", "view", "--minify", "-o", "json"))
        context: Object = next(iter(config.get("contexts") or []), {})
        inside = context.get("context", {}).get("namespace", "default")
        return context.get("name", ""), self._namespace or inside

    def run(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl with `text` on standard input, and return what it prints, with U+FFFD for what is not text.

        Raises:
            UserError: KubectlMissing, DeploymentNotFound, KubectlFailed.
        """
        try:
            result = subprocess.run(
                [*self.command, *arguments], input=text, capture_output=True, text=True, errors="replace", check=False
            )
        except FileNotFoundError:
            raise _missing() from None
        if result.returncode != 0:
            if "NotFound" in result.stderr and _OURS in result.stderr:
                raise UserError(reasons.DEPLOYMENT_NOT_FOUND, f"kubectl: {result.stderr.strip()}")
            if match := _NO_CLUSTER.search(result.stderr):
                raise UserError(
                    reasons.KUBECTL_FAILED,
                    f"no cluster can be reached{self._of_context()}: start one, or name one that runs with --context "
                    f"(kubectl config get-contexts lists them); kubectl says: {match[0]}",
                )
            if _NO_RESOURCE.search(result.stderr):
                raise UserError(
                    reasons.KUBECTL_FAILED,
                    f"the cluster{self._of_context()} does not know LocalModelDeployment: lmd operator up starts the "
                    "operator, and makes it known",
                )
            # For an unknown field kubectl prints the whole object before the error.
            message = result.stderr.strip().rpartition("strict decoding error: ")[2]
            message = _NOT_TEXT.sub(r"\g<0> (write it in quotes)", message)
            raise UserError(reasons.KUBECTL_FAILED, f"kubectl {arguments[0]}: {message}")
        return result.stdout

    def _of_context(self) -> str:
        return f" in the context {self._context}" if self._context else ""

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object:
        """One object. Raises the errors of `run()`."""
        inside = ["--namespace", namespace] if namespace else []
        return read(self.run("get", kind, name, *inside, "-o", "json"))

    def find(self, kind: str, name: str, namespace: str) -> Object | None:
        """The object, or None if there is none of this name. Raises the errors of `run()`."""
        text = self.run("get", kind, name, "--namespace", namespace, "--ignore-not-found", "-o", "json")
        return read(text) if text.strip() else None

    def lines(self, *arguments: str) -> Iterator[str]:
        """The lines that kubectl prints, as they come. Raises the errors of `run()`."""
        try:
            process = subprocess.Popen([*self.command, *arguments], stdout=subprocess.PIPE, text=True, errors="replace")
        except FileNotFoundError:
            raise _missing() from None
        with process:
            assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
            try:
                yield from process.stdout
            except GeneratorExit:
                process.terminate()
                raise
        if process.returncode != 0:
            raise UserError(reasons.KUBECTL_FAILED, f"kubectl {arguments[0]} ended with code {process.returncode}")


def items(text: str) -> list[Object]:
    """The objects in kubectl's output with `-o json`."""
    content = read(text)
    objects: list[Object] = content.get("items", []) if str(content.get("kind")).endswith("List") else [content]
    return objects


def read(text: str) -> Object:
    """The object in kubectl's output with `-o json`.

    Raises:
        UserError: KubectlFailed.
    """
    try:
        content = json_text.parse_loosely(text.encode(errors="replace"))
        if isinstance(content, dict):
            return content
        error = "it is not an object"
    except UnreadableError as unreadable:
        error = str(unreadable)
    raise UserError(reasons.KUBECTL_FAILED, f"what kubectl prints cannot be read: {error}")


def _missing() -> UserError:
    return UserError(
        reasons.KUBECTL_MISSING, "kubectl is not installed; --target kind needs it (--target process does not)"
    )
