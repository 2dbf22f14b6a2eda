"""The script's own logging, as Azure ML's inference server sets it up."""
