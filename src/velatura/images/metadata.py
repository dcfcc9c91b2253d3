"""What a file says beside its pixels.

Nothing here raises: what is damaged reads as if it were not said, and the pixels are read without
it.
"""

import re
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

ORIENTATION, DESCRIPTION = 274, 270  # tags of EXIF and TIFF
_MOST_ENTRIES = 1000  # of a directory; cameras write a few dozen


class PixelsOnly(Image.Image):
    """Mixed into a plugin of Pillow's, keeps it from looking at metadata."""

    stored_orientation: object = None  # where the format itself holds one
    stored_description: object = None

    def getexif(self) -> Image.Exif:
        """Nothing: Pillow raises a dozen kinds of errors, and warns, over damaged EXIF."""
        return Image.Exif()


def orientation(image: Image.Image) -> int:
    """How the pixels are stored, 1 (upright) to 8 as EXIF numbers it.

    EXIF's own kinds of whole numbers count, others do not.
    """
    if isinstance(image, PixelsOnly):
        found = image.stored_orientation
        found = _exif(image).get(ORIENTATION, _of_xmp(image)) if found is None else found
    else:  # somebody's image, whose metadata may live in memory alone
        found = None
        with suppress(Exception):
            found = image.getexif().get(ORIENTATION)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def description(image: PixelsOnly) -> str:
    """The description of a picture in its EXIF, or in TIFF's own tag."""
    found = image.stored_description or _exif(image).get(DESCRIPTION, b"")
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)


def _exif(image: Image.Image) -> dict[int, int | bytes]:
    """Numbers and texts of the EXIF in a file of another format than TIFF."""
    data = image.info.get("exif")
    raw = image.info.get("Raw profile type exif")  # ImageMagick's way in PNG: hexadecimal
    if data is None and isinstance(raw, str):
        with suppress(ValueError):
            data = bytes.fromhex("".join(raw.split("\n")[3:]))
    return dict(_entries(data)) if isinstance(data, bytes) else {}


def _entries(data: bytes) -> "Iterator[tuple[int, int | bytes]]":
    """The first number, or the text, of each tag of the first directory of EXIF."""
    while data.startswith(b"Exif\0\0"):
        data = data[6:]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return
    with suppress(struct.error):  # it ends too soon
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        for entry in range(start + 2, start + 2 + 12 * min(count, _MOST_ENTRIES), 12):
            tag, kind, number = struct.unpack_from(f"{order}HHI", data, entry)
            if kind in (3, 4) and number:  # SHORT, LONG
                yield tag, struct.unpack_from(f"{order}{'HI'[kind - 3]}", data, entry + 8)[0]
            elif kind == 2:  # ASCII
                place = entry + 8
                if number > 4:
                    (place,) = struct.unpack_from(f"{order}I", data, place)
                yield tag, data[place : place + number].rstrip(b"\0")


def _of_xmp(image: Image.Image) -> int:
    """The orientation that XMP tells, or 1."""
    said = image.info.get("XML:com.adobe.xmp") or image.info.get("xmp") or b""
    text = said if isinstance(said, bytes) else str(said).encode()
    found = re.search(rb'tiff:Orientation(?:="|>)([0-9])', text)
    return int(found[1]) if found else 1
