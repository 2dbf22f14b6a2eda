"""The control for the cost of isolation: our server's work in one process, without a worker.

JSON straight into an array, one predict() for the requests of one turn of the event loop, an id and a log line each.
"""

import asyncio
import json
import logging
import os
import time
import uuid
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import simdjson

logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
log = logging.getLogger("control")
log.setLevel(logging.INFO)
model = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"]) / "model.joblib")
parser = simdjson.Parser()
waiting: list[tuple[Any, asyncio.Future[bytes]]] = []


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer every POST as a scoring request."""
    if scope["type"] != "http":
        return
    started = time.perf_counter()
    request_id = uuid.uuid4().hex
    body = await _read(receive)
    answer = await _predict(_array(body))
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer)).encode()),
        (b"x-request-id", request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
    milliseconds = (time.perf_counter() - started) * 1000
    log.info("%s %s %s %d %.1f", request_id, scope["method"], scope["path"], 200, milliseconds)


async def _read(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _array(body: bytes) -> Any:
    rows = parser.parse(body).at_pointer("/data")
    count = len(rows)
    values = np.frombuffer(memoryview(rows.as_buffer(of_type="d")).cast("B"), np.float64)
    return values.reshape(count, -1)


def _predict(rows: Any) -> asyncio.Future[bytes]:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    if not waiting:
        loop.call_soon(_flush)
    waiting.append((rows, answer))
    return answer


def _flush() -> None:
    batch = waiting.copy()
    waiting.clear()
    labels = model.predict(np.concatenate([rows for rows, _ in batch])).tolist()
    start = 0
    for rows, answer in batch:
        answer.set_result(json.dumps(labels[start : start + len(rows)]).encode())
        start += len(rows)
