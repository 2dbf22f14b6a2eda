"""Values and imports as the source of a script has them."""

from __future__ import annotations

import json
from typing import Any

_PARAMETER = "from inference_schema.parameter_types.{}_parameter_type import {}ParameterType"
NUMPY = _PARAMETER.format("numpy", "Numpy")
PANDAS = _PARAMETER.format("pandas", "Pandas")
STANDARD = _PARAMETER.format("standard_py", "StandardPython")
RESPONSE = "from azureml.contrib.services.aml_response import AMLResponse"
SCHEMA = "from inference_schema.schema_decorators import {}"


def quoted(value: Any) -> str:
    """The value as Python source."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{quoted(key)}: {quoted(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(quoted, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) and value.isprintable() else repr(value)
