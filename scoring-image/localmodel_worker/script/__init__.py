"""The user's entry script: loading it, what its run() takes, and what its errors mean."""
