"""lmd try of a model alone: what lmd apply would serve, without a server."""

from __future__ import annotations

import json
from pathlib import Path

from support.lmd_command import Lmd
from support.trained_models import interpreter, run

TRAIN = """
import pickle, sys
from sklearn.linear_model import LinearRegression
pickle.dump(LinearRegression().fit([[1.0], [2.0]], [2.0, 4.0]), open(sys.argv[1], "wb"))
"""


def test_a_model_is_tried_with_its_own_sample_or_a_request_and_nothing_is_registered(lmd: Lmd) -> None:
    python, model = interpreter("new"), lmd.folder / "line.pkl"
    run(python, ["-c", TRAIN, str(model)], {"PATH": "/usr/bin:/bin"})
    tried = lmd("try", "line.pkl", "--data", '{"data": [[3.0]]}', "--python", python)
    assert tried.code == 0 and [round(value, 6) for value in json.loads(tried.out)] == [6.0], tried.err
    assert "script: generated for sklearn" in tried.err
    assert len(json.loads(lmd("try", model, "--python", python).out)) == 1
    assert not list(Path(lmd.home, "store").glob("models/*"))
    assert "line.pkl is a model itself" in lmd("try", "line.pkl", "--model", "other").err
