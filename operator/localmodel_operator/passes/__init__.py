"""One pass over one resource: it observes, goes through the same steps each time, and reports what it saw."""
