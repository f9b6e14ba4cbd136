"""A run folder: who writes it, what is kept in it, how a run goes on."""
