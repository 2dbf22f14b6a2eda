"""The protocols that are checked. A new one is a module here and an entry in this list."""

from localmodel.conformance import azure, kserve_v1, mlflow, open_inference, sagemaker, strain
from localmodel.conformance.check import Check

CHECKS: list[Check] = [
    check for protocol in (azure, open_inference, kserve_v1, mlflow, sagemaker, strain) for check in protocol.CHECKS
]
