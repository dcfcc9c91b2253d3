"""Pictures of more than 8 bits a channel: PNG and TIFF.

Pillow holds grey ones alone, and misreads some. Colours need imagecodecs and tifffile, the extra
`velatura[deep]`; without them Pillow reads 8 bits.
"""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from velatura.errors import ImageError

FORMATS = ("PNG", "TIFF")
_AFTER_HEADER = 33  # bytes of a PNG, where text may stand
_BITS, _COMPRESSION, _PHOTOMETRIC = 258, 259, 262  # tags of TIFF
_PLANAR, _EXTRA, _FORMAT = 284, 338, 339
_SIGNED, _FLOAT = 2, 3  # values of _FORMAT
_PREMULTIPLIED = 1  # a value of _EXTRA
_WHITE = np.uint16(65535)


def is_deep(image: Image.Image) -> bool:
    """Whether the file that `image` was opened from has 16 bits a channel, of grey or colours."""
    if image.format == "TIFF":
        return image.mode[:3] in ("RGB", "I;1") and _bits(image) == 16
    return image.format == "PNG" and ";16" in _raw(image)


def is_installed() -> bool:
    """Whether 16 bits of colours can be read and written."""
    try:
        import imagecodecs  # noqa: F401
        import tifffile  # noqa: F401
    except ImportError:
        return False
    return True


def decode(path: Path, image: Image.Image, all_bits: bool = True) -> NDArray[Any] | None:
    """Pixels (height, width, 1, 3 or 4), uint16 or float32, as they are stored at `path`.

    None where Pillow's 8 bits are as good, or are enough as `all_bits` are not wanted, or nothing
    is installed that can read more.

    Raises:
        ImageError: nothing here reads it right.
    """
    if image.format == "TIFF":
        return _decode_tiff(path, image, all_bits)
    if not is_deep(image):
        return None
    if image.mode.startswith("I"):
        grey = scaled(np.asarray(image))
        key = image.info.get("transparency")
        return grey if key is None else _with_alpha(grey, (grey != key) * _WHITE)
    one_hidden = "transparency" in image.info
    if is_installed() and (all_bits or one_hidden):
        import imagecodecs

        return _fitting(imagecodecs.png_decode(path.read_bytes()), image)
    if one_hidden:
        raise _needs_extra("16-bit colours of which one is transparent")
    return None


def scaled(array: NDArray[Any]) -> NDArray[Any]:
    """One of Pillow's arrays of integers or floats (height, width) as (height, width, 1).

    32-bit integers hold 16-bit values in practice; floats beyond 1 are divided by their largest.
    """
    if np.issubdtype(array.dtype, np.floating):
        most = array.max(initial=0)
        found = array.astype(np.float32) / (1 if most <= 1 else most)
    else:
        found = array.clip(0, 65535).astype(np.uint16)
    return found[:, :, None]


def encode(path: Path, form: str, pixels: NDArray[Any], key: str, text: str) -> None:
    """Write uint16 `pixels` to `path` as PNG or TIFF, with `text` inside; `key` is its PNG name.

    They are (height, width, 1 to 4): grey, grey and alpha, colours, colours and alpha.
    """
    if form == "PNG":
        import imagecodecs

        data = bytes(imagecodecs.png_encode(pixels))
        chunk = b"tEXt" + key.encode() + b"\0" + text.encode("latin-1")
        framed = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        path.write_bytes(data[:_AFTER_HEADER] + framed + data[_AFTER_HEADER:])
        return
    import tifffile

    if pixels.shape[2] == 2:  # which few programs read
        pixels = pixels[:, :, [0, 0, 0, 1]]
    grey = pixels.shape[2] == 1
    tifffile.imwrite(
        path,
        pixels[:, :, 0] if grey else pixels,
        photometric="minisblack" if grey else "rgb",
        extrasamples=["unassalpha"] if pixels.shape[2] == 4 else None,
        compression="zlib",
        predictor=True,
        description=text,
        software="Velatura",
        metadata=None,
    )


def _decode_tiff(path: Path, image: Any, all_bits: bool) -> NDArray[Any] | None:
    tags, bits = image.tag_v2, _bits(image)
    kind = tags.get(_FORMAT, (1,))[0]
    if kind == _SIGNED or (kind != _FLOAT and bits > 16):
        raise ImageError(
            "expected whole numbers of at most 16 bits or floating point, got "
            f"{'signed' if kind == _SIGNED else bits} ones, whose white is not known; save it anew "
            "with 16 bits a channel"
        )
    if bits <= 8 or image.mode in ("CMYK", "LAB"):
        return None
    colours = image.mode in ("RGB", "RGBA")
    raw = tags.get(_COMPRESSION, 1) == 1
    # Pillow takes such planes for 8 bits, and swaps no bytes of compressed floats.
    misread = tags.get(_PLANAR, 1) == 2 if colours and raw else image.mode == "F" and not raw
    misread = misread and (colours or tags.prefix == b"MM")
    if not is_installed() and misread:
        raise _needs_extra("this kind of TIFF")
    if is_installed() and (misread or (colours and all_bits)):
        array = _fitting(_by_tifffile(path, image), image)
    elif colours:
        return None
    else:
        array = scaled(np.asarray(image))
    if array is None:
        raise ImageError("cannot be read (its tags contradict each other)")
    if image.mode == "F":
        array = scaled(array[:, :, 0])
    elif bits < 16:
        array = (array * (65535 / (2**bits - 1))).round().astype(np.uint16)
    if tags.get(_PHOTOMETRIC) == 0:
        array = (1 if image.mode == "F" else _WHITE) - array  # MinIsWhite
    if image.mode == "RGBA" and _PREMULTIPLIED in tags.get(_EXTRA, ()):
        alpha = array[:, :, 3:].astype(np.float32)
        colors = array[:, :, :3] * (65535 / np.maximum(alpha, 1))
        array = np.concatenate([colors.clip(0, 65535), alpha], axis=2).round().astype(np.uint16)
    return array


def _by_tifffile(path: Path, image: Image.Image) -> NDArray[Any] | None:
    """The first page, channels last, if it is of the size that Pillow found."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        page: Any = file.pages[0]
        if (page.imagewidth, page.imagelength) != image.size or page.samplesperpixel > 8:
            return None
        array = page.asarray()
    separate = array.ndim == 3 and page.planarconfig == 2
    return np.moveaxis(array, 0, 2) if separate else array


def _fitting(array: NDArray[Any] | None, image: Image.Image) -> NDArray[Any] | None:
    """`array` as (height, width, 1, 3 or 4), if that is what it holds of `image`."""
    if array is None or array.shape[:2] != (image.height, image.width):
        return None
    array = array.reshape(*array.shape[:2], -1)
    if image.mode == "RGB" and image.format == "TIFF":
        array = array[:, :, :3]  # further channels are said to be no alpha
    if array.shape[2] == 2:
        array = _with_alpha(array[:, :, :1], array[:, :, 1:])
    of_kind = array.dtype == (np.float32 if image.mode == "F" else np.uint16)
    return array if of_kind and array.shape[2] in (1, 3, 4) else None


def _with_alpha(grey: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([grey, grey, grey, alpha], axis=2)


def _bits(image: Any) -> int:
    """Of a channel of a TIFF."""
    return int(max(image.tag_v2.get(_BITS, (1,))))


def _raw(image: Image.Image) -> str:
    """Pillow's name of how the pixels are stored."""
    tiles = getattr(image, "tile", None)
    raw = tiles[0].args if tiles else ""
    return raw if isinstance(raw, str) else str(raw[0]) if raw else ""


def _needs_extra(what: str) -> ImageError:
    return ImageError(f"{what} cannot be read without: pip install velatura[deep]")
