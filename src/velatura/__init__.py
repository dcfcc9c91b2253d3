"""Velatura: neural style transfer. Importing it loads no torch."""

import lazy_loader

# The public names stand in __init__.pyi; each is imported when it is first asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
