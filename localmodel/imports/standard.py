"""Modules that every script can import: those of Python, in any version, and those that the server brings."""

import sys

# Modules of only some versions; the worker reports which Python has them.
_OF_OTHER_VERSIONS = """aifc annotationlib asynchat asyncore audioop binhex cgi cgitb chunk compression crypt distutils
imghdr imp lib2to3 mailcap msilib nis nntplib ossaudiodev pipes smtpd sndhdr spwd sunau telnetlib tomllib uu xdrlib"""
_STANDARD = sys.stdlib_module_names | frozenset(_OF_OTHER_VERSIONS.split())
# Modules that scoring-image/localmodel_worker/aml/legacy_imports.py provides.
_OF_THE_SERVER = ("azureml.contrib.services", "azureml_inference_server_http", "localmodel_worker")


def is_brought(module: str) -> bool:
    """Whether the module is available without a package."""
    inside = f"{module}."
    return module.partition(".")[0] in _STANDARD or any(inside.startswith(f"{name}.") for name in _OF_THE_SERVER)
