"""What comes with the package for people to read: pages of the documentation, and samples."""
