"""Talks to the servers ECHO, ARRAYS and TABLES (host:port each) with Triton's client, and prints what it heard."""

import json
import sys

import numpy
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

ECHO, ARRAYS, TABLES = (triton.InferenceServerClient(address) for address in sys.argv[1:4])


def tensor(name, array, datatype, **options):
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, **options)
    return made


def infer(client, *inputs, outputs=(), **options):
    asked = [triton.InferRequestedOutput(name, binary_data=binary) for name, binary in outputs] or None
    return client.infer("digits", list(inputs), outputs=asked, **options)


def values(result, name):
    return [value.decode() if isinstance(value, bytes) else value for value in result.as_numpy(name).ravel().tolist()]


def refusal(call):
    try:
        call()
    except InferenceServerException as error:
        return [error.status(), error.message()]
    return "no error"


def same_values_of_every_type():
    arrays = {
        "FP64": numpy.array([[1.5, -2.0]]),
        "FP32": numpy.array([[1.5, -2.0]], "float32"),
        "FP16": numpy.array([[1.5, -2.0]], "float16"),
        "INT64": numpy.array([[1, -(2**63)]]),
        "INT8": numpy.array([[1, -128]], "int8"),
        "UINT64": numpy.array([[1, 2**64 - 1]], "uint64"),
        "BOOL": numpy.array([[True, False]]),
        "BYTES": numpy.array([["a", "\u00e4"]], object),
    }
    told = {}
    for datatype, array in arrays.items():
        for binary in (True, False):
            if datatype == "FP16" and not binary:
                continue  # the client refuses to write it as JSON
            for answer in (True, False):
                result = infer(ECHO, tensor("x", array, datatype, binary_data=binary), outputs=[("out", answer)])
                told[f"{datatype} {binary} {answer}"] = [result.as_numpy("out").shape, values(result, "out")]
    return told


def compressed(algorithm):
    array = numpy.arange(4000.0).reshape(2000, 2)
    encodings = []
    post = ARRAYS._post

    def post_and_look(*arguments, **options):
        response = post(*arguments, **options)
        encodings.append(response.get("content-encoding"))
        return response

    ARRAYS._post = post_and_look
    compression = {"request_compression_algorithm": algorithm, "response_compression_algorithm": algorithm}
    result = infer(ARRAYS, tensor("x", array, "FP64"), **compression)
    ARRAYS._post = post
    return [*encodings, bool((result.as_numpy("output-0") == 2 * array).all())]


def table():
    columns = (
        tensor("number", numpy.array([1, 2]), "INT64"),
        tensor("word", numpy.array(["a", "b"], object), "BYTES"),
    )
    result = infer(TABLES, *columns)
    return [values(result, "twice"), values(result, "upper")]


def raw_binary():
    data = numpy.array([[1.0, 2.0], [3.0, 4.0]])
    body = data.tobytes()
    response = ARRAYS._post("v2/models/digits/infer", body, {"Inference-Header-Content-Length": 0}, None)
    length = int(response.get("inference-header-content-length"))
    return numpy.frombuffer(response.read()[length:]).reshape(2, 2).tolist()


x = tensor("x", numpy.array([[1.0, 2.0]]), "FP64")
print(
    json.dumps(
        {
            "live": ECHO.is_server_live(),
            "ready": ECHO.is_server_ready(),
            "model ready": [ECHO.is_model_ready("digits"), ECHO.is_model_ready("digits", "7")],
            "other model ready": [ECHO.is_model_ready("other"), ECHO.is_model_ready("digits", "6")],
            "server": ECHO.get_server_metadata(),
            "metadata": ARRAYS.get_model_metadata("digits"),
            "config": ARRAYS.get_model_config("digits"),
            "index": ARRAYS.get_model_repository_index(),
            "types": same_values_of_every_type(),
            "default": infer(ARRAYS, x).as_numpy("output-0").tolist(),
            "version and id": infer(ARRAYS, x, model_version="7", request_id="42").get_response(),
            "gzip": compressed("gzip"),
            "deflate": compressed("deflate"),
            "table": table(),
            "raw binary": raw_binary(),
            "other model": refusal(lambda: ARRAYS.infer("other", [x])),
            "other version": refusal(lambda: ARRAYS.infer("digits", [x], model_version="6")),
            "wrong shape": refusal(lambda: infer(ARRAYS, tensor("x", numpy.array([[1.0]]), "FP64"))),
            "wrong output": refusal(lambda: infer(TABLES, x)),
            "load": refusal(lambda: ARRAYS.load_model("digits")),
            "unload": refusal(lambda: ARRAYS.unload_model("digits")),
        }
    )
)
