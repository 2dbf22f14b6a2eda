"""Measures the disk usage of the home folder, and finds what is not needed any more."""
