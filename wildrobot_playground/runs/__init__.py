"""What a training run does and leaves behind."""
