"""Finds imports of scripts and models that their environment lacks, before anything starts."""
