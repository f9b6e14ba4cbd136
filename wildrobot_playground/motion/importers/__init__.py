"""One module per format of human motion."""
