"""Runs in an environment of the models' libraries: asks generated scripts.

The file named has lines of JSON: the folder of the code, that of the model, and the body. Writes for each what was
answered, and the schema that is declared for it.
"""

import importlib.util
import inspect
import json
import os
import sys
from pathlib import Path

from inference_schema import schema_util

sys.path.append(str(Path(__file__).parents[2] / "scoring-image"))
from localmodel_worker.aml import legacy_imports

legacy_imports.install()
for number, line in enumerate(Path(sys.argv[1]).read_text().splitlines()):
    code, model, body = json.loads(line)
    os.environ["AZUREML_MODEL_DIR"] = model
    spec = importlib.util.spec_from_file_location(f"score{number}", Path(code, "score.py"))
    score = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(score)
        score.init()
        raw = "raw_data" in inspect.signature(score.run).parameters
        answer = score.run(json.dumps(body)) if raw else score.run(**body)
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    declared = schema_util.get_output_schema(score.run)
    print(json.dumps([answer, declared]), flush=True)
