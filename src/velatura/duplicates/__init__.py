"""Which pictures are the same picture."""
