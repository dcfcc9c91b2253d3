"""Colour pictures of 16 bits a channel, which Pillow cannot hold: PNG and TIFF.

They need imagecodecs and tifffile, the extra `velatura[deep]`; without them Pillow reads 8 bits.
"""

import io
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import ExifTags, Image, ImageCms

if TYPE_CHECKING:
    import numpy as np

FORMATS = ("PNG", "TIFF")
_AFTER_HEADER = 33  # bytes of a PNG, where text may stand


def is_deep(image: Image.Image) -> bool:
    """Whether the file that `image` was opened from has 16 bits a channel and colours."""
    tiles = getattr(image, "tile", None)
    raw = tiles[0].args if tiles else ""
    raw = raw if isinstance(raw, str) else str(raw[0]) if raw else ""
    return image.format in FORMATS and image.mode in ("RGB", "RGBA") and ";16" in raw


def is_installed() -> bool:
    """Whether 16 bits can be read and written."""
    try:
        import imagecodecs  # noqa: F401
        import tifffile  # noqa: F401
    except ImportError:
        return False
    return True


def decode(path: Path, image: Image.Image) -> "np.ndarray[Any, Any] | None":
    """Pixels (height, width, 3 or 4), uint16, of the file at `path`, as they are stored.

    None where 8 bits serve better: the file has no more, it is not in sRGB, or nothing is installed
    that can read it.
    """
    if not is_deep(image) or not is_installed() or not _is_srgb(image):
        return None
    import imagecodecs
    import numpy as np
    import tifffile

    if image.format == "PNG":
        array = imagecodecs.png_decode(path.read_bytes())
    else:
        array = tifffile.imread(path, key=0)
    channels = len(image.getbands())
    if array.dtype != np.uint16 or array.shape != (image.height, image.width, channels):
        return None
    return _upright(array, image.getexif().get(ExifTags.Base.Orientation, 1))


def encode(path: Path, form: str, pixels: "np.ndarray[Any, Any]", key: str, text: str) -> None:
    """Write uint16 `pixels` to `path` as PNG or TIFF, with `text` inside; `key` is its PNG name."""
    if form == "PNG":
        import imagecodecs

        data = bytes(imagecodecs.png_encode(pixels))
        chunk = b"tEXt" + key.encode() + b"\0" + text.encode("latin-1")
        framed = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        path.write_bytes(data[:_AFTER_HEADER] + framed + data[_AFTER_HEADER:])
        return
    import tifffile

    tifffile.imwrite(
        path,
        pixels,
        photometric="rgb",
        extrasamples=["unassalpha"] if pixels.shape[2] == 4 else None,
        compression="zlib",
        predictor=True,
        description=text,
        software="Velatura",
        metadata=None,
    )


def _is_srgb(image: Image.Image) -> bool:
    profile = image.info.get("icc_profile")
    if not profile:
        return True
    try:
        return (
            "srgb"
            in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).lower()
        )
    except (ImageCms.PyCMSError, OSError):
        return False


def _upright(array: "np.ndarray[Any, Any]", orientation: int) -> "np.ndarray[Any, Any]":
    if orientation in (5, 6, 7, 8):
        array = array.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return array
