"""Entry scripts of the servers that the tests misuse."""

MODEL = "m"
ECHO = """
import json
import os
import time


def init():
    pass


def run(raw_data):
    data = json.loads(raw_data)
    while isinstance(data, dict) and "until" in data and not os.path.exists(data["until"]):
        time.sleep(0.01)
    if isinstance(data, dict) and "seconds" in data:
        time.sleep(data["seconds"])
    return data
"""
ROWS = """
import ctypes
import os
import time
import numpy
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    pass


@input_schema("x", NumpyParameterType(numpy.array([[1.0, 2.0]])))
@output_schema(NumpyParameterType(numpy.array([[1.0, 2.0]])))
def run(x):
    if (x == 666).any():
        ctypes.string_at(0)
    if (x == 667).any():
        raise ValueError("not this one")
    time.sleep(0.01)
    return (2 * x).tolist()
"""
HTTP = """
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


@rawhttp
def run(request):
    return AMLResponse(request.get_data(), 200)
"""
