"""Velatura: neural style transfer. Importing it loads no torch."""

import os

import lazy_loader

# PyTorch's threads by themselves wait for each other awake: beside another program a picture then
# takes up to seven times as long. OpenMP reads this once, when torch is imported.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")

# The public names stand in __init__.pyi; each is imported when it is first asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
