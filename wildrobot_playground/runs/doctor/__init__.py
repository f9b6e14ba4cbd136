"""What is wrong with an installation, a reference or a run, by name."""
