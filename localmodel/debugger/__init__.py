"""A debugger in a worker of a running deployment: bring debugpy there, switch to a worker that has it, and back."""
