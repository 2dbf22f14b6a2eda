"""What scripts look for below their source folder's own name."""

import pytest

from localmodel.project.folder.own_name import copies

DATA, MODULE = "data.json", "helper.py"


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("open('./src/data.json')", [DATA]),
        ('os.path.join("src", "data.json")', [DATA]),
        ("from src.helper import x", [MODULE, "x/score.py"]),
        ("import os\nimport src.x.score", [MODULE, "x/score.py"]),
        ("from src import helper; open('src/data.json')", [DATA, MODULE, "x/score.py"]),
        ("from src import own_thing", []),
        ("import src", []),
        ("open(f'src/{name}.json')", [DATA]),
        ("Path('src')", [DATA]),
        ("json.loads(x)['src']; open('src/not_there')", []),
        ("open('../src.json'); open('resrc/data.json')", []),
    ],
)
def test_what_is_looked_for_is_there_under_the_name(script: str, found: list[str]) -> None:
    files = {"x/score.py": script.encode(), DATA: b"{}", MODULE: b""}
    assert copies(files, "src") == {f"src/{path}": files[path] for path in found}


@pytest.mark.parametrize("own", ["src", "src/other.json"])
def test_what_has_this_name_in_the_folder_is_meant(own: str) -> None:
    assert copies({"score.py": b"open('src/data.json')", DATA: b"{}", own: b""}, "src") == {}
    assert copies({"score.py": b"open('/data.json')"}, "") == {}
