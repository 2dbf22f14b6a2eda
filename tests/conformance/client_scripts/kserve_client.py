"""Talks to the servers ECHO, ARRAYS and TABLES (host:port each) with KServe's client, and prints what it heard."""

import asyncio
import json
import sys

import httpx
import numpy
from kserve import InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig
from kserve.protocol.infer_type import RequestedOutput

ECHO, ARRAYS, TABLES = (f"http://{address}" for address in sys.argv[1:4])


def request(array, datatype, binary, outputs=None):
    made = InferInput("x", list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=binary)
    return InferRequest("digits", [made], request_id="42", request_outputs=outputs)


async def refusal(awaitable):
    try:
        await awaitable
    except httpx.HTTPStatusError as error:
        return [error.response.status_code, str(error)]
    return "no error"


async def version_1(client):
    rows = [{"number": 1, "word": "a"}, {"number": 2, "word": "b"}]
    return {
        "live": await client.is_server_live(f"{ECHO}/kserve"),
        "model ready": await client.is_model_ready(ECHO, "digits"),
        "echo": await client.infer(ECHO, {"instances": [[1, 2]]}, "digits"),
        "prefix": await client.infer(f"{ECHO}/kserve", {"instances": [[1, 2]]}, "digits"),
        "arrays": await client.infer(ARRAYS, {"inputs": [[1, 2]]}, "digits"),
        "tables": await client.infer(TABLES, {"instances": rows}, "digits"),
        "explain": await refusal(client.explain(ECHO, "digits", {"instances": []})),
        "other model": await refusal(client.infer(ECHO, {"instances": []}, "other")),
        "no instances": await refusal(client.infer(ECHO, {}, "digits")),
    }


async def version_2(client):
    told = {
        "live": [await client.is_server_live(ECHO), await client.is_server_live(f"{ECHO}/kserve")],
        "ready": [await client.is_server_ready(ECHO), await client.is_server_ready(f"{ECHO}/kserve")],
        "model ready": [await client.is_model_ready(ECHO, "digits"), await client.is_model_ready(ECHO, "other")],
        "other model": await refusal(client.infer(ECHO, request(numpy.array([1.0]), "FP64", False), "other")),
    }
    arrays = {
        "FP64": numpy.array([[1.5, 2.0]]),
        "FP16": numpy.array([[1.5, 2.0]], "float16"),
        "INT32": numpy.array([[1, 2]], "int32"),
        "BYTES": numpy.array([["a", "b"]], object),
    }
    for name, array in arrays.items():
        for binary in (True,) if name == "FP16" else (True, False):  # the client refuses to write it as JSON
            answer = await client.infer(ECHO, request(array, name, binary), "digits")
            told[f"{name} {binary}"] = [answer.id, answer.outputs[0].as_numpy().tolist()]
    wanted = [RequestedOutput("out", {"binary_data": True})]
    answer = await client.infer(ARRAYS, request(arrays["FP64"], "FP64", True, wanted), "digits")
    told["binary output"] = [answer.outputs[0].name, answer.outputs[0].as_numpy().tolist()]
    return told


async def main():
    async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:
        told = {"v1": await version_1(client)}
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        told["v2"] = await version_2(client)
    print(json.dumps(told))


asyncio.run(main())
