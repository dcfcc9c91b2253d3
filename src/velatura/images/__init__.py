"""Files and pixels.

Decoders do not print here: what is wrong with a file is said by the error, with the file's name.
"""

import contextlib
import ctypes
import logging

from PIL import _imaging

for _name in ("PIL", "tifffile"):  # Python prints warnings of loggers that nobody handles
    logging.getLogger(_name).addHandler(logging.NullHandler())
# Pillow silences libtiff's warnings, and has nothing that silences its errors. The symbol is found
# through Pillow's own module, so that it is the library which that one uses.
with contextlib.suppress(AttributeError, OSError):
    ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)
