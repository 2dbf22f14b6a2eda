"""What is said of an entry script before it runs."""

import pytest

from localmodel import entry_script
from localmodel.errors import UserError
from localmodel.resource import schema

GOOD = b"def init(): pass\ndef run(raw_data): return raw_data\n"


def problem(files: dict[str, bytes], entry: str = "score.py") -> str:
    with pytest.raises(UserError) as caught:
        entry_script.check(files, entry)
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["my score.py", "scöre.py", "score", "/score.py", "a//b.py", ".x/score.py", "x" * 199 + ".py"]
)
def test_a_name_that_the_resource_does_not_take_is_refused_in_words(name: str) -> None:
    with pytest.raises(UserError, match=r"cannot be the path of an entry script: .*; rename it"):
        entry_script.named(name)
    manifest = {"spec": {"scoring": {"entryScript": name}}}
    told = [what for place, what in schema.problems(manifest, schema.resource_schema()) if "entryScript" in place]
    assert told and not any("^" in what for what in told)


@pytest.mark.parametrize("name", ["score.py", "code/main.py", "_a-b.c/1.py"])
def test_a_name_that_the_resource_takes(name: str) -> None:
    manifest = {"spec": {"scoring": {"entryScript": entry_script.named(name)}}}
    assert not [place for place, _ in schema.problems(manifest, schema.resource_schema()) if "entryScript" in place]


def test_a_script_that_has_both_functions_passes() -> None:
    entry_script.check({"score.py": GOOD, "notes.txt": b"\xff"}, "score.py")


@pytest.mark.parametrize(
    "text",
    [
        "from other import init, run",
        "from other import *",
        "init = run = lambda *a: 1",
        "try:\n    from fast import init, run\nexcept ImportError:\n    from slow import init, run",
        "import handlers as run\nasync def init(): pass",
        "if True:\n    def init(): pass\n    def run(raw_data): pass",
    ],
)
def test_names_may_be_bound_in_any_way(text: str) -> None:
    entry_script.check({"score.py": text.encode()}, "score.py")


def test_a_missing_script_is_named_with_what_is_there() -> None:
    message = problem({"main.py": GOOD})
    assert "score.py" in message and "main.py" in message


def test_a_missing_function_is_named() -> None:
    assert "no function run(raw_data)" in problem({"score.py": b"def init(): pass\n"})
    assert "no function init()" in problem({"score.py": b"def run(raw_data): pass\n"})


def test_a_function_inside_another_does_not_count() -> None:
    text = b"def run(raw_data): pass\ndef helper():\n    def init(): pass\n"
    assert "no function init()" in problem({"score.py": text})


def test_a_syntax_error_is_named_by_file_and_line() -> None:
    assert problem({"score.py": GOOD + b"def broken(:\n"}).startswith("score.py:3: SyntaxError")


def test_a_syntax_error_in_another_file_is_found_too() -> None:
    assert problem({"score.py": GOOD, "pkg/util.py": b"x = = 1\n"}).startswith("pkg/util.py:1: SyntaxError")


def test_null_bytes_are_no_python() -> None:
    assert "score.py" in problem({"score.py": b"x = '\x00'\n"})


def test_a_script_of_powershells_is_told_how_to_be_saved() -> None:
    said = problem({"score.py": GOOD.decode().encode("utf-16")})
    assert said == "score.py: it is UTF-16, as PowerShell's > writes it: save it as UTF-8"
