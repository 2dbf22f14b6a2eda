"""The model in a plain FastAPI app: raw body, orjson, predict() on the loop."""

import os
from pathlib import Path

import joblib
import numpy as np
import orjson
from fastapi import FastAPI, Request, Response

app = FastAPI()
model = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"]) / "model.joblib")


@app.post("/score")
async def score(request: Request) -> Response:
    data = np.asarray(orjson.loads(await request.body())["data"])
    return Response(orjson.dumps(model.predict(data).tolist()), media_type="application/json")
