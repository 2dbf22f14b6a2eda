"""The figures of the last hour, as pictures."""
