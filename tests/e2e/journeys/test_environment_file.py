"""The packages of a script, named in a file beside it as a repository has it, and edited there."""

from __future__ import annotations

from app import App
from kube import Namespace, eventually
from load import Load, ask
from support import given

SCRIPT = "import six\n" + given.script("").replace("''", "six.__version__")


def files(requirements: str) -> given.Object:
    return {"entryScript": "score.py", "source": {"inline": {"score.py": SCRIPT, "needs/all.txt": requirements}}}


def test_an_edit_of_the_file_is_an_edit_of_the_environment(namespace: Namespace, port: int) -> None:
    manifest = given.lmd("app", port, files("six == 1.16.0  # for people\n"), environment={"file": "needs/all.txt"})
    namespace.apply(manifest)
    namespace.wait_ready("app", 240)
    assert ask(port) == "1.16.0"
    app = App(namespace, manifest, port)
    with Load(port):
        app.edit(scoring=files("six == 1.17.0\n"))
        namespace.wait_ready("app", 240)
        assert ask(port) == "1.17.0"
        app.edit(scoring=files("six == 1.17.0\nlocalmodel-no-such-package\n"))
        stalled = namespace.wait_condition("app", "Stalled", "True", "RequirementsUnresolvable")
        assert "needs/all.txt:2" in stalled["message"] and "localmodel-no-such-package" in stalled["message"]
        app.edit(scoring=files("-r /etc/hostname\n"))
        told = "/etc/hostname is not a file of the source"
        eventually(lambda: told in str(app.get()["status"]), told)
    assert ask(port) == "1.17.0"
