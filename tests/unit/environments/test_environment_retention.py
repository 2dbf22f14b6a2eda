"""How long an environment stays that nothing uses: an hour, or what the variable says."""

import os
import time
from pathlib import Path
from typing import Any, cast

import pytest

from localmodel import environment_retention
from localmodel.disk import home
from localmodel.engine import environment_image
from localmodel.errors import UserError


def test_an_hour_or_what_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(environment_retention.VARIABLE, raising=False)
    assert environment_retention.seconds() == 3600
    monkeypatch.setenv(environment_retention.VARIABLE, "0")
    assert environment_retention.seconds() == 0


@pytest.mark.parametrize("text", ["1h", "-1", "nan"])
def test_what_is_no_number_of_seconds_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(environment_retention.VARIABLE, text)
    with pytest.raises(UserError, match="LOCALMODEL_KEEP_ENVIRONMENTS"):
        environment_retention.seconds()


def test_images_that_were_used_a_moment_ago_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path))
    gone: set[str] = set()
    there = {"used": 1, "rests": 1, "old": 1, "unknown": 1}
    monkeypatch.setattr(environment_image, "present", lambda client, store: there)
    monkeypatch.setattr(environment_image, "remove", lambda client, store, keys: gone.update(keys))
    for key, age in (("used", 9999), ("rests", 3000), ("old", 4000)):
        log = home.build_log(key)
        log.parent.mkdir(exist_ok=True)
        log.touch()
        os.utime(log, (0, time.time() - age))
    removed = environment_image.remove_others(cast(Any, None), "store", {"used"}, 3600)
    assert removed == gone == {"old", "unknown"}
