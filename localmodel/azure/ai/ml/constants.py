"""Words of the SDK."""


class AssetTypes:
    """The types of models. Here a model's files say what it is, so that none of them changes anything."""

    CUSTOM_MODEL = "custom_model"
    MLFLOW_MODEL = "mlflow_model"
    TRITON_MODEL = "triton_model"
