"""The parts of bench/serving.py."""
