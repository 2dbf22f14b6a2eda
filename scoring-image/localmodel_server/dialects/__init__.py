"""One module a dialect: an HTTP request of its kind into a call of the script, and the outcome into an answer."""
