"""The page at /ui comes whole from the server's own files, and lets a browser run nothing else."""

from __future__ import annotations

import re

import pytest
from test_server_swagger import client

from localmodel_server.ui import files


def test_the_page_names_only_files_that_there_are() -> None:
    for name, content in files.contents().items():
        text = content.decode()
        named = re.findall(r'(?:src|href)="ui/([^"]+)"', text) + re.findall(r'from "\./([^"]+)"', text)
        assert set(named) <= files.contents().keys(), name
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|<style|\sstyle=|\son\w+=|innerHTML", text), name


@pytest.mark.parametrize(
    ("path", "kind"), [("/ui", "text/html"), ("/ui/page.js", "text/javascript"), ("/ui/style.css", "text/css")]
)
def test_a_browser_runs_only_what_the_server_has(path: str, kind: str) -> None:
    answer = client().get(path)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith(kind)
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_only_pages_of_this_machine_show_it_inside_of_theirs() -> None:
    policy = client().get("/ui").headers["content-security-policy"]
    assert policy.split("frame-ancestors ")[1] == "http://localhost:* http://127.0.0.1:*"


@pytest.mark.parametrize("path", ["/ui/nothing", "/ui/..%2ffiles.py", "/ui/%2e%2e/files.py", "/ui/../http/app.py"])
def test_no_path_leaves_the_page(path: str) -> None:
    answer = client().get(path)
    assert answer.status_code == 404 and "there is nothing at" in answer.json()["message"]
