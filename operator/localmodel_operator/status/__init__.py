"""What users see: conditions, Events, and when they are written."""
