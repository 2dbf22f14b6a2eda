"""Where a deployment runs, chosen by the command and never by the manifest."""
