"""One pass over one resource: look, do the one next thing that is missing, and write down what was seen."""
