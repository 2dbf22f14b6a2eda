"""Runs in an environment of the models' libraries: asks generated scripts.

The file named has lines of JSON: the folder of the code, that of the model, and the body. Writes an answer for each.
"""

import importlib.util
import inspect
import json
import os
import sys
from pathlib import Path

for line in Path(sys.argv[1]).read_text().splitlines():
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
