"""What a server's log says of its end, if it says anything."""

from pathlib import Path

import pytest

from localmodel.targets.machine.rollout.loading import LoadError, wait
from localmodel.targets.machine.state import Slot

NO_ERROR = "the server ended without an error in its log: it may have been killed, for lack of memory for instance"
NOW = "2026-11-29T07:46:09.881Z"


@pytest.mark.parametrize(
    ("by", "last", "told"),
    [
        (9, f"{NOW} ERROR port 5001 is held", "the server was ended by signal 9 (SIGKILL)"),
        (0, f"{NOW} INFO ac42794c POST /score 200 0.7", NO_ERROR),
        (0, f"{NOW} ERROR request ac42794c: run() failed", NO_ERROR),
        (0, f'{{"time":"{NOW}","level":"INFO","message":"listening"}}', NO_ERROR),
        (0, "what a script has printed", NO_ERROR),
        (0, "", NO_ERROR),
        (0, f"{NOW} ERROR port 5001 is held", f"the server ended: {NOW} ERROR port 5001 is held"),
        (0, "ModuleNotFoundError: No module named 'uvloop'", None),
        (0, "json.decoder.JSONDecodeError: Expecting value", None),
        (0, "localmodel_server: SERVER_PORT: not a number", None),
        (0, f'{{"time":"{NOW}","level":"ERROR","message":"port 5001 is held"}}', None),
    ],
)
def test_the_end_is_told_by_its_signal_or_an_error_and_by_nothing_else(
    tmp_path: Path, by: int, last: str, told: str | None
) -> None:
    log = tmp_path / "log"
    log.write_text(f"{NOW} INFO listening\n{last}\n" if last else "")
    with pytest.raises(LoadError) as failed:
        wait(Slot(tmp_path), 2, lambda: by, log, 10, lambda: None)
    assert str(failed.value) == (told or f"the server ended: {last}")
