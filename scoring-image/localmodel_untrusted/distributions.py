"""Which distribution provides a module, for those that models and scripts use most."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Only where the names differ.
_RENAMED = {
    "Bio": "biopython",
    "Crypto": "pycryptodome",
    "Cryptodome": "pycryptodomex",
    "IPython": "ipython",
    "Levenshtein": "levenshtein",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "PyPDF2": "pypdf2",
    "SimpleITK": "simpleitk",
    "absl": "absl-py",
    "attr": "attrs",
    "autogluon.tabular": "autogluon-tabular",
    "azure.ai.ml": "azure-ai-ml",
    "azure.core": "azure-core",
    "azure.cosmos": "azure-cosmos",
    "azure.identity": "azure-identity",
    "azure.keyvault.secrets": "azure-keyvault-secrets",
    "azure.storage.blob": "azure-storage-blob",
    "azureml.ai.monitoring": "azureml-ai-monitoring",
    "azureml.core": "azureml-core",
    "bs4": "beautifulsoup4",
    "bson": "pymongo",
    "category_encoders": "category-encoders",
    "cv2": "opencv-python-headless",  # a server shows nothing, and has none of the libraries for it
    "cx_Oracle": "cx-oracle",
    "dateutil": "python-dateutil",
    "distutils": "setuptools",
    "dns": "dnspython",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "email_validator": "email-validator",
    "faiss": "faiss-cpu",
    "feature_engine": "feature-engine",
    "fitz": "pymupdf",
    "flask_cors": "flask-cors",
    "git": "gitpython",
    "google.api_core": "google-api-core",
    "google.auth": "google-auth",
    "google.cloud.aiplatform": "google-cloud-aiplatform",
    "google.cloud.bigquery": "google-cloud-bigquery",
    "google.cloud.pubsub": "google-cloud-pubsub",
    "google.cloud.pubsub_v1": "google-cloud-pubsub",
    "google.cloud.storage": "google-cloud-storage",
    "google.cloud.vision": "google-cloud-vision",
    "google.genai": "google-genai",
    "google.generativeai": "google-generativeai",
    "google.oauth2": "google-auth",
    "google.protobuf": "protobuf",
    "grpc": "grpcio",
    "haiku": "dm-haiku",
    "huggingface_hub": "huggingface-hub",
    "hydra": "hydra-core",
    "imblearn": "imbalanced-learn",
    "inference_schema": "inference-schema",
    "jose": "python-jose",
    "jpype": "jpype1",
    "jsonpath_ng": "jsonpath-ng",
    "jwt": "pyjwt",
    "kafka": "kafka-python",
    "langchain_community": "langchain-community",
    "langchain_core": "langchain-core",
    "langchain_openai": "langchain-openai",
    "ldap": "python-ldap",
    "llama_cpp": "llama-cpp-python",
    "magic": "python-magic",
    "mpl_toolkits": "matplotlib",
    "multipart": "python-multipart",
    "mysql.connector": "mysql-connector-python",
    "nacl": "pynacl",
    "onnxruntime_extensions": "onnxruntime-extensions",
    "open_clip": "open-clip-torch",
    "opencensus.ext.azure": "opencensus-ext-azure",
    "paho": "paho-mqtt",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "pyLDAvis": "pyldavis",
    "pydantic_settings": "pydantic-settings",
    "pyro": "pyro-ppl",
    "pythoncom": "pywin32",
    "pythonjsonlogger": "python-json-logger",
    "pytorch_lightning": "pytorch-lightning",
    "pytorch_tabnet": "pytorch-tabnet",
    "pywintypes": "pywin32",
    "pywt": "pywavelets",
    "rank_bm25": "rank-bm25",
    "rapidjson": "python-rapidjson",
    "rouge_score": "rouge-score",
    "ruamel.yaml": "ruamel-yaml",
    "sentence_transformers": "sentence-transformers",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "sklearn_crfsuite": "sklearn-crfsuite",
    "sklearn_pandas": "sklearn-pandas",
    "sklearnex": "scikit-learn-intelex",
    "sksurv": "scikit-survival",
    "skopt": "scikit-optimize",
    "slugify": "python-slugify",
    "smart_open": "smart-open",
    "snowflake.connector": "snowflake-connector-python",
    "snowflake.snowpark": "snowflake-snowpark-python",
    "socks": "pysocks",
    "speech_recognition": "speechrecognition",
    "surprise": "scikit-surprise",
    "tensorflow_hub": "tensorflow-hub",
    "tensorflow_probability": "tensorflow-probability",
    "tensorflow_text": "tensorflow-text",
    "tf_keras": "tf-keras",
    "tflite_runtime": "tflite-runtime",
    "torch_geometric": "torch-geometric",
    "tree": "dm-tree",
    "typing_extensions": "typing-extensions",
    "umap": "umap-learn",
    "usb": "pyusb",
    "vaderSentiment": "vadersentiment",
    "websocket": "websocket-client",
    "win32api": "pywin32",
    "win32com": "pywin32",
    "win32con": "pywin32",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
_NAMES = """accelerate aiohttp alibi altair annoy anthropic applicationinsights arviz bertopic bokeh boto3 botocore
bottleneck cachetools captum catboost causalml certifi click cloudpickle cryptography cvxpy dask datasets
diffusers dill dowhy econml einops emoji evaluate fairlearn fastapi fastparquet fasttext flask flax folium
fsspec ftfy fuzzywuzzy gensim geopandas geopy gplearn h3 h5py hdbscan hmmlearn hnswlib httpx imagehash imageio
implicit interpret jax jellyfish jieba jinja2 joblib keras keybert langchain langdetect librosa lifelines
lightfm lightgbm lightning lime loguru lxml markdown matplotlib mlflow mlxtend msgpack networkx neuralprophet
ngboost nltk numba numexpr numpy numpyro onnx onnxruntime openai openpyxl optax optuna orjson ortools packaging
pandas paramiko patsy pdfplumber peft plotly pmdarima polars prophet psutil psycopg pulp pyarrow pycaret
pydantic pydicom pymc pymongo pymysql pyodbc pypdf pyproj pyspark pytesseract pytz rapidfuzz rasterio ray rdkit
redis regex requests rich river s3fs safetensors scipy seaborn sentencepiece setuptools shap shapely simplejson
six skl2onnx skops skorch sktime soundfile spacy sqlalchemy stanza statsforecast statsmodels structlog sympy
tables tabulate tenacity tensorflow textblob textdistance thefuzz tiktoken timm tokenizers toml torch torchaudio
torchvision tqdm transformers treelite tslearn typer ujson ultralytics unidecode urllib3 uvicorn xarray xgboost
xlrd xlsxwriter yake zstandard"""
_SAME = frozenset(_NAMES.split())
# Others that bring the same module.
_TWINS = {
    "opencv-python-headless": {"opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless"},
    "tensorflow": {"tensorflow-cpu", "tensorflow-intel", "tensorflow-macos", "tf-nightly"},
    "xgboost": {"xgboost-cpu"},
    "catboost": {"catboost-dev"},
    "interpret": {"interpret-core"},
    "mlflow": {"mlflow-skinny"},
    "psycopg2-binary": {"psycopg2"},
    "pycryptodome": {"pycrypto"},
    "faiss-cpu": {"faiss-gpu"},
    "torch": {"torch-nightly"},
    "lightning": {"pytorch-lightning"},
    "onnxruntime": {"onnxruntime-gpu"},
}
# What people write for a package's name, where no index has such a package, or only one that cannot be installed.
_MISNAMED = {
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "opencv": "opencv-python-headless",
    "pil": "pillow",
    "pytorch": "torch",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def normalized(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def of_module(module: str) -> str:
    """The distribution's name; empty when it is not certain, as for the user's own modules."""
    names = module.split(".")
    for end in range(len(names), 0, -1):
        if name := _RENAMED.get(".".join(names[:end])):
            return name
    return names[0] if names[0] in _SAME else ""


def of_import(module: str, names: Iterable[str]) -> list[tuple[str, str]]:
    """Each distribution, or "", and the module of it, that `from module import names` wants; `import` has no names."""
    if distribution := of_module(module):
        return [(distribution, module)]
    parts = [f"{module}.{name}" for name in names]
    return [(distribution, part) for part in parts if (distribution := of_module(part))] or [("", module)]


def is_in(distribution: str, locked: object) -> bool:
    """Whether this distribution, or another one with the same module, is among those."""
    names = {distribution} | _TWINS.get(distribution, set())
    return any(name in locked for name in names)  # type: ignore[operator]


def is_known(distribution: str) -> bool:
    """Whether it is certain which modules this distribution has."""
    return distribution in _SAME or distribution in _RENAMED.values()


def meant(distribution: str) -> str:
    """The distribution that is meant by a name that is none's; empty for any other name."""
    return _MISNAMED.get(normalized(distribution), "")
