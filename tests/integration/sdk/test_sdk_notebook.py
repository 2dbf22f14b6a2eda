"""The SDK in a real notebook, whose kernel runs an event loop."""

from pathlib import Path

import nbclient
import nbformat
from support.lmd_command import free_port
from support.sdk_given import given_client, given_home, write_source  # noqa: F401 - fixtures

from localmodel import Client

DEPLOY = """
import asyncio
import localmodel

assert asyncio.get_running_loop()
client = localmodel.Client()
digits = client.deploy("digits", "score.py", port={port}, progress=True)
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


def test_a_notebook_deploys_and_asks_with_and_without_await(client: Client) -> None:
    write_source(Path())
    cells = [nbformat.v4.new_code_cell(text) for text in (DEPLOY.replace("{port}", str(free_port())), ASK, AWAIT, FAIL)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    deployed, asked, awaited, failed = ["".join(map(text_of, cell.outputs)) for cell in notebook.cells]
    assert "revision 1: serves" in deployed and "\x1b" not in deployed, "plain lines"
    assert asked == "{'data': [1]}"
    assert awaited == "[1, 2]\n"
    assert "LookupError: no such row" in failed
    assert client.get("digits").state == "running"


def text_of(output: nbformat.NotebookNode) -> str:
    return str(output["text"] if output["output_type"] == "stream" else output["data"]["text/plain"])
