"""The mistakes of docs/mistakes.md, one by one: each is answered as the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.lmd_command import Lmd
from support.mistakes import MISTAKES, Mistake

PAGE = Path(__file__).parents[3] / "docs" / "mistakes.md"
SERVED = "import json\n\n\ndef init():\n    pass\n\n\ndef run(raw_data):\n    return json.loads(raw_data)\n"
ALL = [mistake for mistakes in MISTAKES.values() for mistake in mistakes]


def rows(page: str) -> dict[str, tuple[str, int]]:
    """By title what the page says is printed, and the exit code."""
    found = re.findall(r"^\| (.+?) \| (`+)(.+?)\2 \| (\d) \|$", page, re.MULTILINE)
    return {title: (message.strip(), int(code)) for title, _, message, code in found}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, environments: Path) -> Iterator[Lmd]:
    """A home with the model digits and a deployment of it that runs."""
    command = Lmd(tmp_path_factory.mktemp("mistakes"))
    command.home.mkdir()
    (command.home / "environments").symlink_to(environments)
    folder = command.folder / "served"
    folder.mkdir()
    (folder / "score.py").write_text(SERVED)
    (command.folder / "digits.pkl").write_bytes(b"\x80\x04N.")
    assert command("apply", folder, "--model", "digits=digits.pkl", f"--port={command.port}").code == 0
    assert command("model", "export", "digits:1", "digits.tar").code == 0
    yield command
    command.clean_up()


@pytest.mark.parametrize("mistake", ALL, ids=[mistake.title for mistake in ALL])
def test_the_answer_is_the_page_s(mistake: Mistake, served: Lmd, tmp_path: Path) -> None:
    message, code = rows(PAGE.read_text())[mistake.title]
    result = answer(mistake, served, tmp_path)
    assert result[1] == code == mistake.code
    pattern = ".*".join(re.escape(part) for part in message.split("…"))
    assert re.search(pattern, result[0]), f"{result[0]}\n\nis not as the page has it: {message}"


def test_the_page_has_every_mistake_once() -> None:
    text = PAGE.read_text()
    assert [*rows(text)] == [mistake.title for mistake in ALL]
    assert len(ALL) >= 50 and "Traceback" not in text
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [*MISTAKES]


def answer(mistake: Mistake, served: Lmd, folder: Path) -> tuple[str, int]:
    """What is printed, in one line, and the exit code."""
    for name, content in mistake.files.items():
        path = served.folder / name if name.startswith("served/") else folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, int):
            with path.open("wb") as file:
                file.truncate(content)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    command = Lmd(served.folder if "served" in mistake.command or ".tar" in mistake.command else folder)
    command.home = served.home
    words = mistake.command.replace("PORT", str(served.port)).replace("./other/served", f"{folder}/other/served")
    result = command(*words.split())
    return " ".join(f"{result.out} {result.err}".split()), result.code
