"""Talks to the servers ECHO, ARRAYS and TABLES (host:port each) in the forms that MLServer's codecs write and read."""

import json
import sys
import urllib.request

import numpy
import pandas
from mlserver.codecs import NumpyCodec, NumpyRequestCodec, PandasCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

ECHO, ARRAYS, TABLES = sys.argv[1:4]


def infer(address, request):
    body = request.model_dump_json().encode()
    url = f"http://{address}/v2/models/digits/infer"
    with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})) as answer:
        return InferenceResponse.model_validate_json(answer.read())


array = numpy.array([[1.5, 2.0], [3.0, 4.0]])
numbers = infer(ARRAYS, NumpyRequestCodec.encode_request(array))
texts = infer(ECHO, InferenceRequest(inputs=[StringCodec.encode_input("x", ["a", "\u00e4"])]))
frame = pandas.DataFrame({"number": [1, 2], "word": ["a", "b"]})
table = PandasCodec.decode_response(infer(TABLES, PandasCodec.encode_request(frame)))
with_nan = infer(ECHO, InferenceRequest(inputs=[NumpyCodec.encode_input("x", numpy.array([1.0, numpy.nan]))]))
print(
    json.dumps(
        {
            "array": NumpyRequestCodec.decode_response(numbers).tolist(),
            "texts": StringCodec.decode_output(texts.outputs[0]),
            "table": table.to_dict(orient="list"),
            "nan": numpy.isnan(NumpyCodec.decode_output(with_nan.outputs[0])).ravel().tolist(),
        },
        default=lambda value: value.decode() if isinstance(value, bytes) else value.item(),
    )
)
