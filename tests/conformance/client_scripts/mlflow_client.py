"""Talks to the servers ECHO, ARRAYS and TABLES (host:port each) as MLflow's and SageMaker's clients do."""

import json
import sys

import numpy
import pandas
import requests
from mlflow.models.utils import convert_input_example_to_serving_input
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

ECHO, ARRAYS, TABLES = sys.argv[1:4]
FRAME = pandas.DataFrame({"number": [1, 2], "word": ["a", "b"]})
JSON = {"Content-Type": "application/json"}


def client(address):
    host, port = address.split(":")
    return ScoringServerClient(host, int(port))


def post(address, body, headers):
    answer = requests.post(f"http://{address}/invocations", data=body, headers=headers, timeout=30)
    return [answer.status_code, answer.json()]


def serving_input(example):
    return convert_input_example_to_serving_input(example)


client(ECHO).ping()
print(
    json.dumps(
        {
            "version": client(ECHO).get_version(),
            "frame": client(TABLES).invoke(FRAME)["predictions"],
            "array": client(ARRAYS).invoke(numpy.array([[1.0, 2.0]]))["predictions"],
            "named arrays": post(ECHO, serving_input({"a": numpy.array([1, 2])}), JSON),
            "example of a frame": post(TABLES, serving_input(FRAME), JSON),
            "example of an array": post(ARRAYS, serving_input(numpy.array([[1.0, 2.0]])), JSON),
            "records": post(TABLES, json.dumps({"dataframe_records": FRAME.to_dict(orient="records")}), JSON),
            "csv": post(TABLES, FRAME.to_csv(index=False), {"Content-Type": "text/csv"}),
            "azure": post(TABLES, json.dumps({"input_data": FRAME.to_dict(orient="split")}), JSON),
            "instances": post(ARRAYS, json.dumps({"instances": [[1, 2]]}), JSON),
            "sagemaker": post(ECHO, json.dumps({"data": [1, 2]}), JSON),
            "two forms": post(ECHO, json.dumps({"instances": [], "inputs": []}), JSON),
            "other type": post(ECHO, "text", {"Content-Type": "text/plain"}),
        }
    )
)
