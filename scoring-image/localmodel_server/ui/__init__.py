"""The page at /ui, which tries the deployment in a browser. `lmd ui` uses some of its files, too."""
