"""Modules that every script finds: Python's own, in any of its versions, and those that the server brings."""

import sys

# What later versions no longer have, and what earlier ones had not: the worker says which Python has it.
_OF_OTHER_VERSIONS = """aifc annotationlib asynchat asyncore audioop binhex cgi cgitb chunk compression crypt distutils
imghdr imp lib2to3 mailcap msilib nis nntplib ossaudiodev pipes smtpd sndhdr spwd sunau telnetlib tomllib uu xdrlib"""
_STANDARD = sys.stdlib_module_names | frozenset(_OF_OTHER_VERSIONS.split())
# As scoring-image/localmodel_worker/aml/legacy_imports.py makes them importable.
_OF_THE_SERVER = ("azureml.contrib.services", "azureml_inference_server_http", "localmodel_worker")


def is_brought(module: str) -> bool:
    """Whether no package has to bring the module."""
    inside = f"{module}."
    return module.partition(".")[0] in _STANDARD or any(inside.startswith(f"{name}.") for name in _OF_THE_SERVER)
