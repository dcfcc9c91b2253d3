"""The drawing code of Velatura's three sample pictures, one module each."""
