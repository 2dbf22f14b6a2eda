"""What a script imports from elsewhere, and which of it must be there."""

import textwrap

import pytest

from localmodel_untrusted import script_imports


def read(entry: str = "score.py", **files: str) -> list[tuple[str, str, int, bool]]:
    """Module, file, line and whether it is needed; a keyword `lib__util` is the file lib/util.py."""
    named = {f"{name.replace('__', '/')}.py": textwrap.dedent(text) for name, text in files.items()}
    found = script_imports.elsewhere(named, lambda path: named[path].encode(), entry)
    return [(each.module, each.file, each.line, each.needed) for each in found]


def needed(source: str, **files: str) -> list[str]:
    return [module for module, _, _, is_needed in read(score=source, **files) if is_needed]


def test_imports_are_told_with_file_and_line_in_their_order() -> None:
    source = "import json\nimport pandas as pd, yaml\nfrom google.cloud import storage\n"
    assert read(score=source) == [
        ("json", "score.py", 1, True),
        ("pandas", "score.py", 2, True),
        ("yaml", "score.py", 2, True),
        ("google.cloud", "score.py", 3, True),
    ]


def test_files_that_the_script_imports_are_read_and_no_others() -> None:
    files = {
        "cleaning": "import nltk",
        "train": "import matplotlib",
        "lib____init__": "",
        "lib__text": "from . import words\nfrom .words import WORDS\nimport spacy",
        "lib__words": "import regex",
    }
    assert needed("import cleaning\nfrom lib import text\n", **files) == ["nltk", "spacy", "regex"]
    assert needed("import lib.text\n", **files) == ["spacy", "regex"]
    assert needed("def run(raw_data):\n    import cleaning\n", **files) == []


def test_what_is_certain_by_one_way_is_certain() -> None:
    files = {"cleaning": "import nltk"}
    assert needed("def run(raw_data):\n    import cleaning\nimport cleaning\n", **files) == ["nltk"]


def test_an_entry_script_in_a_folder_finds_what_lies_beside_it() -> None:
    source = "import cleaning\nimport top\nimport numpy"
    found = read("src/score.py", src__score=source, src__cleaning="import nltk", top="import six")
    assert [module for module, *_ in found] == ["numpy", "nltk", "six"]


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    import cv2\nexcept ImportError:\n    cv2 = None",
        "try:\n    import cv2\nexcept (ValueError, ModuleNotFoundError):\n    import cv3",
        "try:\n    import cv2\nexcept:\n    pass",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    import cv2",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import cv2",
        "if __name__ == '__main__':\n    import cv2",
        "import sys\nif sys.version_info < (3, 9):\n    import cv2",
    ],
)
def test_what_the_script_does_without_is_not_told(source: str) -> None:
    assert [module for module, *_ in read(score=source) if module not in ("contextlib", "typing", "sys")] == []


@pytest.mark.parametrize(
    "source",
    [
        "def run(raw_data):\n    import cv2",
        "import os\nif os.environ.get('IMAGES'):\n    import cv2",
        "for name in ():\n    import cv2",
        "def init():\n    if not True:\n        return\n    import cv2",
        "def init():\n    def later():\n        import cv2",
        "import os, sys\nsys.path.append(os.environ['AZUREML_MODEL_DIR'])\nimport cv2",
        "import sys\nsys.modules['cv2'] = object()\nimport cv2",
        "from sys import path\npath.append('/opt/more')\nimport cv2",
        "import pymysql\npymysql.install_as_MySQLdb()\nimport cv2",
        "import subprocess, sys\nsubprocess.check_call([sys.executable, '-m', 'pip', 'install', 'x'])\nimport cv2",
        "import os\nos.system('pip install x')\nimport cv2",
    ],
)
def test_what_may_not_run_or_may_be_brought_by_the_script_is_not_needed(source: str) -> None:
    assert [is_needed for module, _, _, is_needed in read(score=source) if module == "cv2"] == [False]


@pytest.mark.parametrize(
    "source",
    [
        "def init():\n    global model\n    import cv2",
        "async def init():\n    import cv2",
        "class Model:\n    import cv2",
        "try:\n    import cv2\nexcept ValueError:\n    raise",
        "try:\n    import cv2\nfinally:\n    pass",
        "import warnings\nwith warnings.catch_warnings():\n    import cv2",
        "import os, sys\nsys.path.insert(0, os.path.dirname(__file__))\nimport cv2",
        '"""Before: pip install cv2."""\nimport cv2',
    ],
)
def test_what_always_runs_is_needed(source: str) -> None:
    assert "cv2" in needed(source)


def test_a_module_that_lies_somewhere_in_the_folder_is_no_package() -> None:
    assert needed("import sys\nsys.path.append('vendor')\nimport yaml", vendor__yaml____init__="") == []


@pytest.mark.parametrize("source", ["import (", "\0", "(" * 5000 + ")" * 5000])
def test_what_cannot_be_parsed_imports_nothing(source: str) -> None:
    assert read(score=source) == []
    assert needed("import cleaning\nimport numpy", cleaning=source) == ["numpy"]
