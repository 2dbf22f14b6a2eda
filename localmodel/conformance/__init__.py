"""Asks a running scoring server whether it speaks the protocols as their clients expect.

Nothing is assumed about the script behind it: what it answers to made-up values does not matter, the form in which
it does so does.
"""
