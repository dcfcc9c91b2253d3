"""What the training of every small network shares: photographs, loss, loop, model files."""
