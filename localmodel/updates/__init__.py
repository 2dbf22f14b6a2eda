"""What is served, and how an edit changes it: its spec, its revision, its image, and the plan of the edit."""
