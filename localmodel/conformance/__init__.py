"""Checks whether a running scoring server speaks the protocols as their clients expect.

The script behind it may be any: what it answers to made-up values does not matter, only the form of the answer.
"""
