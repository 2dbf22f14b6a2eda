"""What is to serve and what serves: loading, switching, going back, debugging."""
