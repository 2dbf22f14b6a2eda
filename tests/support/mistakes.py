"""Mistakes of a first day: the files that make each, and the command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

GOOD = "def init():\n    pass\n\n\ndef run(raw_data):\n    return 1\n"
READS = (
    "import os\n\n\ndef init():\n    open(os.path.join(os.environ['AZUREML_MODEL_DIR'], 'model.pkl'))\n\n\n"
    "def run(raw_data):\n    return 1\n"
)
AZURE = "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json\nname: blue\n"
MANIFEST = """
apiVersion: localmodel.dev/v1alpha1
kind: LocalModelDeployment
metadata: {name: mf}
spec:
  models: []
  scoring: {entryScript: score.py, source: {configMap: {name: mf-score}}}
  environment: {python: "3.11"}
"""
KUSTOMIZATION = """
resources: [deployment.yaml]
configMapGenerator:
  - {name: mf-score, files: [score.py]}
configurations: [kustomizeconfig.yaml]
"""
CONFIGURATION = """
nameReference:
  - kind: ConfigMap
    fieldSpecs: [{kind: LocalModelDeployment, path: spec/scoring/source/configMap/name}]
"""


def pickled(module: str, name: str) -> bytes:
    """A pickle of an object of one class."""
    names = b"".join(b"\x8c%c%s" % (len(text), text.encode()) for text in (module, name))
    return b"\x80\x04" + names + b"\x93)\x81."


class Mistake(NamedTuple):
    """`title` is its row in docs/mistakes.md; `files` are written into the current folder first.

    PORT in the command is that of the deployment `served`, which runs. A file that is a number is that long.
    """

    title: str
    command: str
    files: Mapping[str, str | bytes | int] = {}
    code: int = 1


def churn(script: str = GOOD, **files: str | bytes | int) -> dict[str, str | bytes | int]:
    """A folder churn with a script and other files; `_` stands for the dot of a name."""
    return {"churn/score.py": script, **{f"churn/{name.replace('_', '.')}": text for name, text in files.items()}}


def requirements(text: str) -> dict[str, str | bytes | int]:
    return churn(requirements_txt=text)


MISTAKES = {
    "Commands and paths": [
        Mistake("A command of another tool: `lmd ps`", "ps", code=2),
        Mistake("A command of another tool: `lmd deploy ./churn`", "deploy ./churn", churn(), 2),
        Mistake("A misspelt command: `lmd aply ./churn`", "aply ./churn", churn(), 2),
        Mistake("Nothing to apply: `lmd apply`", "apply", code=2),
        Mistake("A path that does not exist: `lmd apply ./chrun`", "apply ./chrun", churn(), 2),
        Mistake("A name that does not exist: `lmd apply chrun`", "apply chrun", churn(), 2),
        Mistake("A folder without a script", "apply ./churn", {"churn/notes.txt": ""}, 2),
        Mistake("The script lies in a folder below", "apply ./churn", {"churn/src/score.py": GOOD}, 2),
        Mistake("Two scripts, and none is `score.py`", "apply ./churn", {"churn/a.py": GOOD, "churn/b.py": GOOD}, 2),
        Mistake(
            "The model in place of the folder: `lmd apply churn/model.pkl`",
            "apply churn/model.pkl",
            churn(model_pkl=pickled("cleaning", "Cleaner")),
        ),
        Mistake("Azure ML's YAML: `lmd apply deployment.yml`", "apply deployment.yml", {"deployment.yml": AZURE}, 2),
        Mistake("A folder whose name begins with a digit", "apply ./2024_model", {"2024_model/score.py": GOOD}, 2),
        Mistake("A name with capitals: `--name My_Model`", "apply ./churn --name My_Model", churn()),
        Mistake("Another folder of the same name", "apply ./other/served", {"other/served/score.py": GOOD}),
    ],
    "Options and `lmd.toml`": [
        Mistake("A port that is no port: `--port 99999`", "apply ./churn --port 99999", churn(), 2),
        Mistake("A port that another deployment has", "apply ./churn --port PORT", churn()),
        Mistake("An unknown target: `--target dokcer`", "apply ./churn --target dokcer", churn(), 2),
        Mistake("An unknown environment: `--env nosuch`", "apply ./churn --env nosuch", churn()),
        Mistake("A Python that is too old: `--python 3.8`", "apply ./churn --python 3.8", churn()),
        Mistake("A variable without a value: `--variable A`", "apply ./churn --variable A", churn(), 2),
        Mistake("A misspelt key in `lmd.toml`", "apply ./churn", churn(lmd_toml="prot = 7300\n")),
        Mistake("A text for a number in `lmd.toml`", "apply ./churn", churn(lmd_toml='port = "x"\n')),
        Mistake("A `lmd.toml` that is no TOML", "apply ./churn", churn(lmd_toml="port = \n")),
        Mistake("An option for a manifest", "apply mf --port 7300", {"mf/kustomization.yaml": KUSTOMIZATION}, 2),
    ],
    "Requirements": [
        Mistake("No list of requirements", "apply ./churn", churn(f"import pandas\n{GOOD}")),
        Mistake(
            "Modules that are named otherwise than their packages",
            "apply ./churn",
            churn(f"import cv2\nimport yaml\n{GOOD}", requirements_txt="# none yet\n"),
        ),
        Mistake("`sklearn` as a requirement", "apply ./churn", requirements("sklearn\n")),
        Mistake("`six=1`", "apply ./churn", requirements("six=1\n")),
        Mistake("`-e .`", "apply ./churn", requirements("-e .\n")),
        Mistake("`--extra-index-url`", "apply ./churn", requirements("--extra-index-url https://x.example/simple\n")),
        Mistake("`-r` of a file that is missing", "apply ./churn", requirements("-r missing.txt\n")),
        Mistake("A repository", "apply ./churn", requirements("git+https://x.example/y\n")),
        Mistake("A version that does not exist", "apply ./churn", requirements("six==99.1\n")),
        Mistake(
            "Two files with requirements",
            "plan ./churn",
            churn(requirements_txt="# none\n", environment_yml="dependencies: [python=3.12]\n"),
            0,
        ),
        Mistake(
            "A module beside the script that a kustomization does not list",
            "apply mf",
            {
                "mf/kustomization.yaml": KUSTOMIZATION,
                "mf/deployment.yaml": MANIFEST,
                "mf/kustomizeconfig.yaml": CONFIGURATION,
                "mf/score.py": f"import cleaning\n{GOOD}",
                "mf/cleaning.py": "",
            },
        ),
    ],
    "Models": [
        Mistake(
            "A script that reads a model, and none is given", "plan ./churn", churn(READS, model_pkl=b"\x80\x04N."), 0
        ),
        Mistake("A file that does not exist: `--model modle.pkl`", "apply ./churn --model modle.pkl", churn()),
        Mistake(
            "A misspelt file: `--model ./churn/modle.pkl`",
            "apply ./churn --model ./churn/modle.pkl",
            churn(READS, model_pkl=b"\x80\x04N."),
        ),
        Mistake("A misspelt model: `--model digitss`", "apply ./churn --model digitss", churn()),
        Mistake("A version that does not exist: `--model digits:9`", "apply ./churn --model digits:9", churn()),
        Mistake("An alias that does not exist", "apply ./churn --model digits@champion", churn()),
        Mistake("No version, and no alias: `--model digits:new`", "apply ./churn --model digits:new", churn()),
        Mistake("A large model in the folder", "apply ./churn", churn(weights_bin=70 << 20)),
        Mistake(
            "A model with a class of a notebook",
            "model register model.pkl --name notebook",
            {"model.pkl": pickled("__main__", "Cleaner")},
            0,
        ),
        Mistake("A model that was exported, for an environment", "env import digits.tar"),
        Mistake("No version to delete: `lmd model delete digits`", "model delete digits", code=2),
        Mistake("A model that a deployment has", "model delete digits:1"),
    ],
    "The script": [
        Mistake("A syntax error", "apply ./churn", churn("def init(:\n    pass\n")),
        Mistake("No `init()`", "apply ./churn", churn("def run(raw_data): return 1\n")),
        Mistake("No `run()`", "apply ./churn", churn("def init(): pass\n")),
        Mistake("`run()` without a parameter", "try ./churn", churn("def init(): pass\ndef run(): return 1\n")),
        Mistake("`init()` with a parameter", "try ./churn", churn("def init(model): pass\ndef run(data): return 1\n")),
        Mistake(
            "`run()` returns what is not JSON",
            "try ./churn --data 1",
            churn("def init(): pass\ndef run(data): return object()\n"),
        ),
    ],
    "What serves": [
        Mistake("A misspelt deployment: `lmd invoke servd`", "invoke servd --data 1"),
        Mistake("No request: `lmd invoke served`", "invoke served", code=2),
        Mistake("A request that `run()` cannot read", "invoke served --data x"),
        Mistake(
            "An edit whose `init()` fails",
            "apply ./served",
            {"served/score.py": "def init():\n    {}['age']\n\n\ndef run(raw_data):\n    return 1\n"},
        ),
        Mistake(
            "An edit that reads a file which the model does not have",
            "apply ./served",
            {"served/score.py": READS},
        ),
    ],
}
