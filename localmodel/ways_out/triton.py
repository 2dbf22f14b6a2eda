"""A model repository for Triton's Python backend, with the entry script behind one tensor of text in and one out."""

from collections.abc import Mapping
from pathlib import Path

from localmodel.ways_out import documents
from localmodel.ways_out.packed import Packed, Written

# The tensors hold JSON, because a script without a schema takes and returns anything.
_CONFIG = """\
name: "{name}"
backend: "python"
max_batch_size: 0
input [
  {{
    name: "raw_data"
    data_type: TYPE_STRING
    dims: [ 1 ]
  }}
]
output [
  {{
    name: "result"
    data_type: TYPE_STRING
    dims: [ 1 ]
  }}
]
instance_group [
  {{
    count: {workers}
    kind: KIND_CPU
  }}
]
"""


def write(packed: Packed, files: Mapping[str, bytes], model_dir: str) -> Written:
    """The repository, without the models' files: they belong into `1/app`, where `model_dir` is AZUREML_MODEL_DIR."""
    variables = {variable.name: variable.value for variable in packed.variables if variable.value_from is None}
    settings = {"script": packed.spec.entry_script, "model_dir": model_dir, "variables": variables}
    name, app = packed.name, f"{packed.name}/1/app"
    config = _CONFIG.format(name=name, workers=packed.spec.server.workers)
    requirements = "".join(f"{requirement}\n" for requirement in packed.spec.environment.requirements)
    written = {
        f"{name}/config.pbtxt": config.encode(),
        f"{name}/1/model.py": Path(__file__).with_name("triton_model.py.txt").read_bytes(),
        f"{name}/1/settings.json": documents.json_of(settings),
        **{f"{app}/{path}": content for path, content in files.items()},
        "requirements.txt": requirements.encode(),
    }
    return Written(written, tuple(_notes(packed)))


def _notes(packed: Packed) -> list[str]:
    python = packed.spec.environment.python
    notes = [
        f"requirements.txt: Triton's Python needs these packages; the script was made for Python {python}",
        *documents.of_the_operator(packed.spec),
    ]
    for variable in packed.variables:
        if reference := variable.value_from:
            notes.append(
                f"spec.env: {variable.name} comes from the {reference.kind} {reference.name}: set it where Triton runs"
            )
    return notes
