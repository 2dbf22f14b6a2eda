"""Runs in an environment of the models' libraries: saves models, and what they answer, into the folder named."""

import json
import pickle
import sys
from importlib import metadata
from pathlib import Path

import joblib
import lightgbm
import mlflow
import mlflow.lightgbm
import mlflow.pyfunc
import mlflow.sklearn
import mlflow.xgboost
import numpy as np
import onnxruntime
import pandas as pd
import skl2onnx
import skops.io
import xgboost
from mlflow.models.signature import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FOLDER = Path(sys.argv[1])
ANSWERS = {}
RANDOM = np.random.default_rng(0)
NUMBERS = RANDOM.normal(size=(80, 4))
CLASSES = (NUMBERS.sum(axis=1) > 0).astype(int)
FRAME = pd.DataFrame(
    {
        "age": RANDOM.integers(20, 70, 80).astype(float),
        "city": RANDOM.choice(["Bern", "Graz", "Ulm"], 80).astype(object),
        "income": RANDOM.normal(50, 9, 80),
    }
)
NAMES = np.where(FRAME["age"] > 45, "old", "young")
TEXTS = ["good film", "bad film", "good book", "bad book"] * 5
ROWS = NUMBERS[:3]
RECORDS = json.loads(FRAME[:3].to_json(orient="records"))


def told(name, body, answer):
    ANSWERS[name] = [body, np.asarray(answer).tolist()]


def columns():
    encode = ColumnTransformer([("city", OneHotEncoder(handle_unknown="ignore"), ["city"])], remainder="passthrough")
    return make_pipeline(encode, LogisticRegression(max_iter=1000)).fit(FRAME, NAMES)


forest = RandomForestClassifier(5, random_state=0).fit(NUMBERS, CLASSES)
joblib.dump(forest, FOLDER / "forest.joblib", compress=3)
told("forest.joblib", {"data": ROWS.tolist()}, forest.predict(ROWS))
with open(FOLDER / "line.pkl", "wb") as file:
    line = LinearRegression().fit(NUMBERS, NUMBERS[:, 0])
    pickle.dump(line, file)
told("line.pkl", {"data": ROWS.tolist()}, line.predict(ROWS))
pipeline = columns()
joblib.dump(pipeline, FOLDER / "columns.joblib")
told("columns.joblib", {"data": RECORDS}, pipeline.predict(FRAME[:3]))
texts = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(
    TEXTS, ["+" if "good" in each else "-" for each in TEXTS]
)
joblib.dump(texts, FOLDER / "texts.joblib")
told("texts.joblib", {"data": ["a good thing", "a bad thing"]}, texts.predict(["a good thing", "a bad thing"]))
scaled = make_pipeline(StandardScaler(), LogisticRegression()).fit(NUMBERS, CLASSES)
skops.io.dump(scaled, FOLDER / "scaled.skops")
told("scaled.skops", {"data": ROWS.tolist()}, scaled.predict(ROWS))

plain = FRAME.drop(columns="city")
trees = xgboost.XGBClassifier(n_estimators=4).fit(NUMBERS, CLASSES)
trees.save_model(FOLDER / "trees.ubj")
told("trees.ubj", {"data": ROWS.tolist()}, trees.predict(ROWS))
trees.save_model(FOLDER / "trees.json")
told("trees.json", {"data": ROWS.tolist()}, trees.predict(ROWS))
booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(plain, CLASSES), 4)
booster.save_model(FOLDER / "booster.ubj")
told(
    "booster.ubj",
    {"data": json.loads(plain[:3].to_json(orient="records"))},
    booster.predict(xgboost.DMatrix(plain[:3])),
)
joblib.dump(trees, FOLDER / "trees.joblib")
told("trees.joblib", {"data": ROWS.tolist()}, trees.predict(ROWS))

categories = FRAME.astype({"city": "category"})
leaves = lightgbm.LGBMClassifier(n_estimators=4, min_child_samples=2).fit(categories, NAMES)
joblib.dump(leaves, FOLDER / "leaves.pkl")
told("leaves.pkl", {"data": RECORDS}, leaves.predict(categories[:3]))
leaves.booster_.save_model(str(FOLDER / "leaves.txt"))
told("leaves.txt", {"data": RECORDS}, leaves.booster_.predict(categories[:3]))

homes = pd.DataFrame(
    {
        "city": pd.Categorical(FRAME["city"]),
        "income": FRAME["income"],
        "rooms": pd.Categorical(RANDOM.choice([1, 2, 30], 80)),
    }
)
DEAR = ((FRAME["city"] == "Graz") ^ (homes["rooms"].astype(int) == 2)).astype(int)
# The first city is unknown to the models, and the second is missing.
cities = ["Rome", None, *homes["city"][2:12]]
few = homes[:12].assign(city=pd.Categorical(cities, homes["city"].cat.categories))
HOMES = {"data": json.loads(homes[:12].assign(city=pd.Series(cities, dtype=object)).to_json(orient="records"))}
prices = lightgbm.LGBMClassifier(n_estimators=4, min_child_samples=2, verbose=-1).fit(homes, DEAR)
prices.booster_.save_model(str(FOLDER / "homes.txt"))
told("homes.txt", HOMES, prices.booster_.predict(few))
with open(FOLDER / "homes-leaves.pkl", "wb") as file:
    pickle.dump(prices.booster_, file)
told("homes-leaves.pkl", HOMES, prices.booster_.predict(few))
search = GridSearchCV(prices, {"n_estimators": [3]}, cv=2).fit(homes, DEAR)
joblib.dump(search, FOLDER / "homes-search.joblib")
told("homes-search.joblib", HOMES, search.predict(few))
splits = xgboost.XGBClassifier(n_estimators=4, enable_categorical=True, tree_method="hist").fit(homes, DEAR)
splits.save_model(FOLDER / "homes.ubj")
splits.save_model(FOLDER / "homes.json")
joblib.dump(splits, FOLDER / "homes.joblib")
of_homes = xgboost.DMatrix(homes, DEAR, enable_categorical=True)
darts = xgboost.train({"booster": "dart", "tree_method": "hist"}, of_homes, 4)
darts.save_model(FOLDER / "homes-darts.ubj")
with open(FOLDER / "homes-darts.pkl", "wb") as file:
    pickle.dump(darts, file)
if xgboost.__version__ != "1.7.6":  # which does not save what the categories are
    for name in ("homes.ubj", "homes.json", "homes.joblib"):
        told(name, HOMES, splits.predict(few))
    for name in ("homes-darts.ubj", "homes-darts.pkl"):
        told(name, HOMES, darts.predict(xgboost.DMatrix(few, enable_categorical=True)))


def asked(path, feeds):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return [each.tolist() if hasattr(each, "tolist") else each for each in session.run(None, feeds)]


options = {"options": {id(forest): {"zipmap": False}}, "target_opset": 15}
graph = skl2onnx.to_onnx(forest, NUMBERS[:1].astype("float32"), **options)
(FOLDER / "forest.onnx").write_bytes(graph.SerializeToString())
results = asked(FOLDER / "forest.onnx", {"X": ROWS.astype("float32")})
ANSWERS["forest.onnx"] = [{"data": ROWS.tolist()}, {"label": results[0], "probabilities": results[1]}]
types = [(name, skl2onnx.common.data_types.FloatTensorType([None, 1])) for name in plain]
graph = skl2onnx.convert_sklearn(
    make_pipeline(ColumnTransformer([("all", StandardScaler(), list(plain))]), LinearRegression()).fit(plain, CLASSES),
    initial_types=types,
    target_opset=15,
)
(FOLDER / "table.onnx").write_bytes(graph.SerializeToString())
feeds = {name: plain[[name]][:3].to_numpy("float32") for name in plain}
ANSWERS["table.onnx"] = [
    {"data": json.loads(plain[:3].to_json(orient="records"))},
    asked(FOLDER / "table.onnx", feeds)[0],
]


class Doubled(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input * (params or {}).get("factor", 2)


def saved(name, body, answer, save):
    save(str(FOLDER / name))
    told(name, body, answer)


LIBRARIES = (
    "mlflow-skinny",
    "scikit-learn",
    "xgboost",
    "xgboost-cpu",
    "lightgbm",
    "onnxruntime",
    "skops",
    "cloudpickle",
)


def saved_version(name):
    try:
        return [f"{name}=={metadata.version(name)}"]
    except metadata.PackageNotFoundError:
        return []


# MLflow finds them out itself, which takes seconds a model.
PACKAGES = {"pip_requirements": [line for name in LIBRARIES for line in saved_version(name)]}


def with_signature(data, answer):
    return {"signature": infer_signature(data, answer), "input_example": data[:2], **PACKAGES}


saved(
    "mlflow-columns",
    {"data": RECORDS},
    pipeline.predict(FRAME[:3]),
    lambda path: mlflow.sklearn.save_model(
        pipeline, path, serialization_format="cloudpickle", **with_signature(FRAME, pipeline.predict(FRAME))
    ),
)
saved(
    "mlflow-scaled",
    {"data": ROWS.tolist()},
    scaled.predict(ROWS),
    lambda path: mlflow.sklearn.save_model(scaled, path, **with_signature(NUMBERS, scaled.predict(NUMBERS))),
)
saved(
    "mlflow-unsigned",
    {"data": ROWS.tolist()},
    forest.predict(ROWS),
    lambda path: mlflow.sklearn.save_model(forest, path, serialization_format="pickle", **PACKAGES),
)

saved(
    "mlflow-trees",
    {"data": ROWS.tolist()},
    trees.predict(ROWS),
    lambda path: mlflow.xgboost.save_model(trees, path, **with_signature(NUMBERS, CLASSES)),
)
saved(
    "mlflow-leaves",
    {"data": RECORDS},
    leaves.booster_.predict(categories[:3]),
    lambda path: mlflow.lightgbm.save_model(leaves.booster_, path, **PACKAGES),
)
strings = homes.astype({"city": object, "rooms": "int64"})
saved(
    "mlflow-homes",
    HOMES,
    prices.booster_.predict(few),
    lambda path: mlflow.lightgbm.save_model(
        prices.booster_, path, **with_signature(strings, prices.booster_.predict(few))
    ),
)
numbers = FRAME[["age", "income"]]
body = {"data": json.loads(numbers[:3].to_json(orient="records"))}
ANSWERS["mlflow-double"] = [body, [{name: 2 * value for name, value in row.items()} for row in body["data"]]]
mlflow.pyfunc.save_model(str(FOLDER / "mlflow-double"), python_model=Doubled(), **with_signature(numbers, numbers))
if mlflow.__version__ != "2.3.2":  # which has no parameters
    ANSWERS["mlflow-factor"] = [
        {**body, "params": {"factor": 3}},
        [{name: 3 * value for name, value in row.items()} for row in body["data"]],
    ]
    described = with_signature(numbers, numbers)
    described["signature"] = infer_signature(numbers, numbers, {"factor": 2.0, "words": ["a"]})
    mlflow.pyfunc.save_model(str(FOLDER / "mlflow-factor"), python_model=Doubled(), **described)
(FOLDER / "answers.json").write_text(json.dumps(ANSWERS))
