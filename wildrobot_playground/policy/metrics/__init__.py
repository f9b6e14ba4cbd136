"""What episodes say about a walk: figures, a table, a file."""
