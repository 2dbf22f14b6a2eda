"""The process that runs a user's entry script: standard library only, Python 3.9 and later."""
