"""The SDK in a real notebook, whose kernel runs an event loop."""

from pathlib import Path

import nbclient
import nbformat
from support.lmd_command import LMD, free_port
from support.sdk_given import given_client, given_home, write_source  # noqa: F401 - fixtures

from localmodel import Client

DEPLOY = """
import asyncio
import localmodel
import localmodel.notebook.html

assert asyncio.get_running_loop()
client = localmodel.Client()
digits = client.deploy("digits", "score.py", port={port}, progress=True)
localmodel.notebook.html._SECONDS = 60  # also where everything is slow
"""
ASK = """
digits.score({"data": [1]})
"""
AWAIT = """
async with localmodel.AsyncClient() as waiting:
    also = await waiting.get("digits")
    print(await asyncio.gather(also.score(1), also.score(2)))
"""
FAIL = """
try:
    digits.score("fail")
except localmodel.ScoringError as error:
    print(error)
"""
UPDATE = """
digits.update(variables={"COLOUR": "<b>red</b>"})
"""
BREAK = """
digits.update(script="broken.py")
"""
AWAIT_UPDATE = """
async with localmodel.AsyncClient() as waiting:
    also = await waiting.get("digits")
    await also.update(script="score.py", variables={"COLOUR": "blue"})
"""
# For the last value of each of these cells.
SHOWN = [
    "client",
    "digits",
    "client.list()",
    "digits.history()",
    "digits.status",
    "client.models",
    "client.models.list()",
]
# Both on a pipe and on a terminal, which IPython gives to what begins with an exclamation mark.
COMMANDS = [f"%%bash\n{LMD} reload digits 2>&1", f"!{LMD} reload digits", f"!{LMD} model register big.bin --name big"]
MOVING = ("\x1b[?25l", "\x1b[2K", "\x1b[1A")


def test_a_notebook_deploys_and_asks_with_and_without_await(client: Client) -> None:
    write_source(Path())
    Path("broken.py").write_text("def init():\n    raise KeyError('age')\n\n\ndef run(raw_data):\n    return 1\n")
    Path("big.bin").write_bytes(bytes(1 << 20))
    deploy = DEPLOY.replace("{port}", str(free_port()))
    steps = [deploy, ASK, AWAIT, FAIL, UPDATE, BREAK, AWAIT_UPDATE]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, [*steps, *COMMANDS, *SHOWN])))
    notebook.cells[steps.index(BREAK)].metadata["tags"] = ["raises-exception"]
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = [cell.outputs for cell in notebook.cells]
    deployed, asked, awaited, failed = ["".join(map(text_of, several)) for several in outputs[:4]]
    assert "revision 1: serves" in deployed and "\x1b" not in deployed, "plain lines"
    assert asked == "{'data': [1]}"
    assert awaited == "[1, 2]\n"
    assert "LookupError: no such row" in failed
    assert client.get("digits").state == "running"

    endings = ["✓ revision 2: serves", "✗ revision 3: failed", "✓ revision 4: serves"]
    for several, ending in zip(outputs[4 : len(steps)], endings, strict=True):
        assert text_of(several[0]).splitlines()[-1].startswith(ending), "one output has all"
        assert ending in html_of(several[0]) and "<progress" not in html_of(several[0]), "the bar has ended"
    assert [len(several) for several in outputs[4 : len(steps)]] == [1, 2, 1]
    assert outputs[5][1]["ename"] == "DeployError"

    for several, ending in zip(
        outputs[len(steps) :], ["revision 4 serves at", "revision 4 serves at", "big:1"], strict=False
    ):
        printed = "".join(map(text_of, several))
        assert ending in printed and not any(code in printed for code in MOVING)

    shown = dict(zip(SHOWN, (html_of(output) for (output,) in outputs[-len(SHOWN) :]), strict=True))
    for value in ("client", "digits", "client.list()", "digits.status"):
        assert "running" in shown[value] and "/score</a>" in shown[value]
    assert "KeyError: &#x27;age&#x27;" in shown["digits.history()"]
    for value in ("client.models", "client.models.list()"):
        assert "big" in shown[value] and "1 MB" in shown[value]


def html_of(output: nbformat.NotebookNode) -> str:
    return str(output["data"]["text/html"])


def text_of(output: nbformat.NotebookNode) -> str:
    return str(output["text"] if output["output_type"] == "stream" else output["data"]["text/plain"])
