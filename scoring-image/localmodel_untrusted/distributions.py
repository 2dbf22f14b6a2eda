"""Which distribution provides a module, for those that models and scripts use most."""

from __future__ import annotations

import re

# Only where the names differ.
_RENAMED = {
    "Bio": "biopython",
    "Crypto": "pycryptodome",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "attr": "attrs",
    "azureml.ai.monitoring": "azureml-ai-monitoring",
    "azureml.core": "azureml-core",
    "bs4": "beautifulsoup4",
    "category_encoders": "category-encoders",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "distutils": "setuptools",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "feature_engine": "feature-engine",
    "fitz": "pymupdf",
    "flask_cors": "flask-cors",
    "git": "gitpython",
    "google.cloud.bigquery": "google-cloud-bigquery",
    "google.cloud.storage": "google-cloud-storage",
    "google.protobuf": "protobuf",
    "imblearn": "imbalanced-learn",
    "inference_schema": "inference-schema",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "kafka": "kafka-python",
    "Levenshtein": "levenshtein",
    "magic": "python-magic",
    "pkg_resources": "setuptools",
    "psycopg2": "psycopg2-binary",
    "pythonjsonlogger": "python-json-logger",
    "pytorch_lightning": "pytorch-lightning",
    "pytorch_tabnet": "pytorch-tabnet",
    "sentence_transformers": "sentence-transformers",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "sklearn_crfsuite": "sklearn-crfsuite",
    "sklearn_pandas": "sklearn-pandas",
    "slugify": "python-slugify",
    "umap": "umap-learn",
    "usb": "pyusb",
    "websocket": "websocket-client",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
_SAME = """catboost fasttext gensim gplearn hdbscan interpret joblib keras lifelines lightgbm lightning mlxtend
networkx nltk numba numpy onnx onnxruntime optuna pandas patsy polars prophet pyarrow pymc rdkit river scipy shap sktime
skorch sksurv spacy statsmodels tensorflow textblob tokenizers torch torchvision transformers tslearn xgboost"""
# Others that bring the same module.
_TWINS = {
    "opencv-python": {"opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"},
    "tensorflow": {"tensorflow-cpu", "tensorflow-intel", "tensorflow-macos", "tf-nightly"},
    "xgboost": {"xgboost-cpu"},
    "catboost": {"catboost-dev"},
    "psycopg2-binary": {"psycopg2"},
    "pycryptodome": {"pycrypto"},
    "faiss-cpu": {"faiss-gpu"},
    "torch": {"torch-nightly"},
    "lightning": {"pytorch-lightning"},
    "onnxruntime": {"onnxruntime-gpu"},
}


def normalized(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def of_module(module: str) -> str:
    """The distribution's name; empty when it is not certain, as for the user's own modules."""
    names = module.split(".")
    for end in range(len(names), 0, -1):
        if found := _RENAMED.get(".".join(names[:end])):
            return found
    return names[0] if names[0] in _SAME.split() else ""


def is_in(distribution: str, locked: object) -> bool:
    """Whether this distribution, or another one with the same module, is among those."""
    names = {distribution} | _TWINS.get(distribution, set())
    return any(name in locked for name in names)  # type: ignore[operator]
