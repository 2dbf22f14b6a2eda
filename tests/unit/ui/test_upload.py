"""How much may be sent to the store's page."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from starlette.exceptions import HTTPException

from localmodel.ui.upload import check_room, remove_leftovers

GB = 1 << 30


def test_a_model_that_fits_may_be_sent() -> None:
    check_room(0, 0)
    check_room(GB, 3 * GB)
    check_room(10 * GB, 30 * GB)


@pytest.mark.parametrize(("length", "free", "status"), [(10 * GB + 1, 100 * GB, 413), (GB, 3 * GB - 1, 507)])
def test_one_that_is_too_large_is_refused_before_it_comes(length: int, free: int, status: int) -> None:
    with pytest.raises(HTTPException) as error:
        check_room(length, free)
    assert error.value.status_code == status


def test_what_a_killed_page_has_left_is_removed_after_a_day(tmp_path: Path) -> None:
    for name, days in ((".upload-old", 2), (".upload-new", 0), ("models", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tar").write_bytes(b"1")
        then = time.time() - days * 24 * 3600
        os.utime(tmp_path / name, (then, then))
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".upload-new", "models"}
