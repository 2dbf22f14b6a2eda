"""What a model's pickles would import when they are loaded, read without loading them.

A pickle is a program: loading it runs whatever it names. Here its instructions are only read, so that a model can be
looked at before anybody trusts it, and compared with an environment before that is built.
"""

from localmodel.pickles.mismatch import mismatches
from localmodel.pickles.of_main import advice, lacking, names
from localmodel.pickles.report import examine

__all__ = ["advice", "examine", "lacking", "mismatches", "names"]
