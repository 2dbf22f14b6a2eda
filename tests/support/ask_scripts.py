"""Runs in an environment of the models' libraries: asks generated scripts, each in a process that has no other.

Reads lines of JSON: the folder of the code, the folder of the model, and the body. Writes the answers, one a line.
"""

import importlib.util
import inspect
import json
import os
import sys
from pathlib import Path

for line in sys.stdin:
    code, model, body = json.loads(line)
    os.environ["AZUREML_MODEL_DIR"] = model
    spec = importlib.util.spec_from_file_location("score", Path(code, "score.py"))
    score = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(score)
        score.init()
        raw = "raw_data" in inspect.signature(score.run).parameters
        answer = score.run(json.dumps(body)) if raw else score.run(**body)
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    print(json.dumps(answer), flush=True)
