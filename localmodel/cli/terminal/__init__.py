"""What a person sees on the terminal: results, tables, colours, times, and moving lines of progress."""
