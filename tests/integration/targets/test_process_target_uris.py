"""Models by address in a manifest: what apply and plan ask for, and what serves where the wrong thing comes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest
from support.lmd_command import Lmd, Result, script
from support.web_server import Answer, Web, serving

LENGTH = script("open(__import__('os').environ['AZUREML_MODEL_DIR'] + '/churn.bin').read()[:5]")
FIRST, SECOND = b"first" + b"1" * 100_000, b"other" + b"2" * 100_000


@pytest.fixture
def server() -> Iterator[Web]:
    with serving() as server:
        server.answers = [Answer(body=FIRST)]
        yield server


def apply(lmd: Lmd, server: Web, pin: str = "", **fields: object) -> Result:
    return lmd.apply(LENGTH, models=[{"name": "churn", "uri": f"{server.url}/churn.bin{pin}", **fields}])


def plan(lmd: Lmd) -> str:
    planned = lmd("plan", "-f", lmd.folder / "digits.yaml")
    assert planned.code == 0, planned.err
    return planned.out


def digest(lmd: Lmd, model: str = "churn") -> str:
    return str(json.loads(lmd("model", "show", model, "--output", "json").out)["digest"])


def test_what_has_not_changed_is_asked_for_and_not_fetched(lmd: Lmd, server: Web) -> None:
    first = apply(lmd, server)
    assert first.code == 0, first.err
    assert "model churn: churn:1, 100 kB downloaded" in first.err
    assert lmd.ask().body == "first"

    again = apply(lmd, server)
    assert again.code == 0 and "churn:1, nothing to download" in again.err
    assert lmd.ask().revision == 1
    assert (len(server.asked), server.sent) == (2, len(FIRST))

    server.answers = [Answer(body=SECOND, headers={"ETag": '"2"'})]
    assert "spec.models" in plan(lmd)
    assert lmd("model", "list").out.count("churn") == 1  # a plan keeps nothing
    apply(lmd, server)
    assert (lmd.ask().body, lmd.ask().revision) == ("other", 2)
    assert "nothing" in plan(lmd)

    server.answers = [Answer(body=FIRST)]  # an alias that goes back
    assert "churn:1, nothing to download" in apply(lmd, server).err
    assert lmd.ask().body == "first"


def test_what_is_pinned_and_there_is_not_asked_for(lmd: Lmd, server: Web) -> None:
    pin = f"#sha256={hashlib.sha256(FIRST).hexdigest()}"
    server.answers = [Answer(body=FIRST, sent=40_000), Answer(206, FIRST)]  # it is cut, and goes on
    assert apply(lmd, server, pin).code == 0
    assert len(server.asked) == 2
    assert apply(lmd, server, pin).code == 0 and "nothing" in plan(lmd)
    assert apply(lmd, server, digest=digest(lmd)).code == 0
    assert len(server.asked) == 2 and lmd.ask().revision == 1


@pytest.mark.parametrize("pin", ["digest", "sha256"])
def test_another_digest_leaves_the_old_one_serving(lmd: Lmd, server: Web, pin: str) -> None:
    apply(lmd, server)
    server.answers = [Answer(body=SECOND, headers={"ETag": '"2"'})]
    wrong = "0" * 64
    refused = (
        apply(lmd, server, digest=f"sha256:{wrong}") if pin == "digest" else apply(lmd, server, f"#sha256={wrong}")
    )
    assert refused.code == 1
    assert "spec.models[0]: " in refused.err and wrong in refused.err and "churn.bin" in refused.err
    assert lmd.ask().body == "first"
    assert lmd("model", "list").out.count("churn") == 1


def test_the_option_and_the_settings_take_an_address_as_well(lmd: Lmd, server: Web) -> None:
    folder = lmd.folder / "code"
    folder.mkdir()
    (folder / "score.py").write_text(LENGTH)
    named = lmd(
        "apply", folder, "--name", "digits", "--port", str(lmd.port), "--model", f"churn={server.url}/churn.bin"
    )
    assert named.code == 0, named.err
    again = lmd("apply", folder, "--name", "digits")
    assert again.code == 0 and "churn:1, nothing to download" in again.err
    assert lmd("export", "manifest", "digits", "--output-dir", lmd.folder / "out").code == 0
    assert f"uri: {server.url}/churn.bin" in (lmd.folder / "out" / "deployment.yaml").read_text()
    (folder / "lmd.toml").write_text(f'name = "digits"\nmodels = ["churn={server.url}/other/churn.bin"]\n')
    assert lmd("apply", folder).code == 0
    assert server.asked[-1]["path"] == "/other/churn.bin"
    assert lmd.ask().body == "first"


def test_a_server_without_etags_says_when_its_file_was_changed(lmd: Lmd, server: Web) -> None:
    server.answers = [Answer(body=FIRST, headers={"Last-Modified": "Mon, 05 Jan 2026 10:00:00 GMT"})]
    apply(lmd, server)
    assert "churn:1, nothing to download" in apply(lmd, server).err and "nothing" in plan(lmd)
    server.answers = [Answer(body=SECOND, headers={"Last-Modified": "Mon, 05 Jan 2026 10:00:01 GMT"})]
    apply(lmd, server)
    assert lmd.ask().body == "other"
