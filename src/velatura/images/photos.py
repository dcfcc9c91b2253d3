"""Formats of phones and cameras, by the libraries of `velatura[photos]`: HEIC, JPEG XL, raw files.

Each library turns the pixels upright as its format asks; EXIF's orientation is not applied again.
"""

import functools
from typing import Any

from PIL import Image, ImageFile

from velatura.extras import import_extra
from velatura.images.metadata import PixelsOnly

EXTRA = "photos"
RAW_ENDINGS = (".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2")
ENDINGS = (".heic", ".heif", ".jxl", *RAW_ENDINGS)
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_JXL_STARTS = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")


def plugin_of(start: bytes) -> type[ImageFile.ImageFile] | None:
    """The plugin for a file that begins so (64 bytes are enough), if it is HEIC or JPEG XL.

    Raises MissingDependencyError where its library is not installed.
    """
    if start.startswith(_JXL_STARTS):
        return _jxl()
    if start[4:8] == b"ftyp":
        end = min(int.from_bytes(start[:4], "big"), len(start))
        if _HEIF_BRANDS & {start[place : place + 4] for place in (8, *range(16, end, 4))}:
            return _heif()
    return None


@functools.cache
def _heif() -> type[ImageFile.ImageFile]:
    library = import_extra("pillow_heif.as_plugin", EXTRA, "HEIC")
    return _upright(library.HeifImageFile)


@functools.cache
def _jxl() -> type[ImageFile.ImageFile]:
    library = import_extra("pillow_jxl.JpegXLImagePlugin", EXTRA, "JPEG XL")
    return _upright(library.JXLImageFile)


def _upright(plugin: Any) -> type[ImageFile.ImageFile]:
    return type(plugin.__name__, (PixelsOnly, plugin), {"stored_orientation": 1})


class Raw(PixelsOnly, ImageFile.ImageFile):
    """What a camera's sensor saw, developed with the white balance that the camera chose."""

    format = "RAW"
    stored_orientation = 1

    def _open(self) -> None:
        self._raw: Any = import_extra("rawpy", EXTRA, "raw files of cameras").imread(self.fp)
        sizes = self._raw.sizes
        width, height = sizes.iwidth, sizes.iheight
        self._size = (height, width) if sizes.flip in (5, 6) else (width, height)
        self._mode = "RGB"
        self.tile = []

    def load(self) -> Any:
        """Develop it, once."""
        if self._raw is not None:
            developed = Image.fromarray(self._raw.postprocess(use_camera_wb=True))
            self._raw.close()
            self._raw, self._size, self.im = None, developed.size, developed.im
        return super().load()
