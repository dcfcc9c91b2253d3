"""Files of pictures, opened: of which format, how large, and whether there is room for them."""

import io
import os
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from velatura.errors import ImageError, TooLargeError
from velatura.files import one_line
from velatura.images import photos
from velatura.images.metadata import DESCRIPTION, ORIENTATION, PixelsOnly
from velatura.machine import available_bytes
from velatura.quiet import quiet

_UNASKED = (282, 283, 296, 700)  # TIFF's resolution and XMP, whose damage Pillow does not survive
_most_pixels: float | None = None


class _Jpeg(PixelsOnly, JpegImagePlugin.JpegImageFile):
    """Also what Pillow calls MPO: further pictures behind the first."""


class _Png(PixelsOnly, PngImagePlugin.PngImageFile):
    """Opened once more without its texts and the like where Pillow stumbles over them."""

    def _open(self) -> None:
        file: Any = self.fp
        try:
            super()._open()
        except Exception:
            file.seek(0)
            self.fp = io.BytesIO(_without_metadata(file.read()))
            super()._open()


def _without_metadata(png: bytes) -> bytes:
    """Of a PNG the chunks alone that make its pixels."""
    kept, place = [png[:8]], 8
    while place + 8 <= len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        if kind[:1].isupper() or kind == b"tRNS":
            kept.append(png[place : place + 12 + length])
        place += 12 + length
    return b"".join(kept)


class _WebP(PixelsOnly, WebPImagePlugin.WebPImageFile):
    pass


class _Bmp(PixelsOnly, BmpImagePlugin.BmpImageFile):
    pass


class _Gif(PixelsOnly, GifImagePlugin.GifImageFile):
    pass


class _Tiff(PixelsOnly, TiffImagePlugin.TiffImageFile):
    """Neither turned by Pillow nor limited in size by it."""

    def _setup(self) -> None:
        self.stored_orientation = self._taken(ORIENTATION)
        self.stored_description = self._taken(DESCRIPTION)
        for tag in _UNASKED:
            self._taken(tag)
        super()._setup()

    def _taken(self, tag: int) -> Any:
        found = None
        with suppress(Exception):  # of any type and content
            found = self.tag_v2.get(tag)
        if tag in self.tag_v2:
            del self.tag_v2[tag]
        return found

    def load_prepare(self) -> None:
        if self._im is None:
            self.im = Image.new(self.mode, self.size).im
        super().load_prepare()


class _Avif(PixelsOnly, AvifImagePlugin.AvifImageFile):
    """Its boxes say how it is turned, and EXIF nothing."""

    def _open(self) -> None:
        try:
            super()._open()
        except Exception:  # over damaged EXIF, which Pillow reads when all else is done
            if not self.size[0]:
                raise
            self.seek(0)
        self.stored_orientation = self._decoder.get_info()[5]


class _Bounded(io.BufferedReader):
    """A file that makes no room for more than it has, whatever length it claims for a part."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > io.DEFAULT_BUFFER_SIZE:
            size = min(size, max(0, os.fstat(self.fileno()).st_size - self.tell()))
        return super().read(size)


_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": _Jpeg,
    "PNG": _Png,
    "WEBP": _WebP,
    "TIFF": _Tiff,
    "BMP": _Bmp,
    "GIF": _Gif,
    "AVIF": _Avif,
}
READABLE = (*_PLUGINS,)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open an image file; whatever goes wrong inside the block becomes one ImageError.

    Yields one of Pillow's images that is a `PixelsOnly`.
    """
    try:
        if os.path.isdir(path):  # noqa: PTH112  Path.is_dir raises for names too long
            raise ImageError(f"{path}: expected an image file, got a folder")
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise ImageError(f"{path}: expected an image file, got a pipe or a device")
        if about.st_size == 0:
            raise ImageError(f"{path}: expected an image file, got 0 bytes")
        # Odd metadata is welcome; what matters raises.
        with (
            quiet(r"PIL\."),
            _Bounded(path.open("rb", 0)) as file,
            _identified(path, file) as image,
        ):
            yield image
    except FileNotFoundError:
        raise ImageError(f"{path}: expected an image file, found nothing") from None
    except ImageError as error:
        if str(error).startswith(str(path)):
            raise
        raise type(error)(f"{path}: {error}") from error
    except MemoryError:
        raise TooLargeError(f"{path}: no memory is left to read it; make it smaller") from None
    except Exception as error:  # Pillow's decoders raise a dozen types for damaged files
        raise ImageError(f"{path}: cannot be read ({one_line(error)})") from error


def _identified(path: Path, file: BinaryIO) -> ImageFile.ImageFile:
    """The file opened by the plugin of its format, without Pillow's limit of pixels."""
    start = file.read(64)
    plugin = photos.plugin_of(start) or _plugin_of(start, path.suffix.lower() in photos.RAW_ENDINGS)
    if plugin is None:
        raise ImageError(
            f"{path}: expected an image ({', '.join(READABLE)}; with velatura[photos] HEIC, JPEG "
            "XL and raw files of cameras), got another kind of file"
        )
    file.seek(0)
    return plugin(file, str(path))


def _plugin_of(start: bytes, called_raw: bool) -> type[ImageFile.ImageFile] | None:
    """The plugin for a file that begins so and may be called a camera's raw file."""
    for form, plugin in _PLUGINS.items():
        accept = Image.OPEN[form][1]
        if called_raw and form == "TIFF":  # as which most raw files begin
            continue
        if accept is None or accept(start) is True:
            return plugin
    return photos.Raw if called_raw else None


def limit_pixels(most: float | None) -> None:
    """Set how many pixels a picture may have that is read; None for as many as memory holds."""
    global _most_pixels
    _most_pixels = most


_room = threading.Condition()
_taken = 0.0  # bytes that pictures being read now take


@contextmanager
def room(size: tuple[int, int], needed: float, most_pixels: float | None = None) -> Iterator[None]:
    """Room for `needed` bytes while a picture of `size` (width, height) is read.

    Waits for other threads where they leave too little.

    Raises:
        TooLargeError: there is not as much memory; or the picture has more than `most_pixels`,
            where that is given here or to `limit_pixels`, which then decides alone.
    """
    global _taken
    most_pixels = most_pixels or _most_pixels
    if most_pixels is not None:
        check_pixels(size, most_pixels)
        yield
        return
    with _room:
        while _taken and _taken + needed > available_bytes():
            _room.wait()
        if needed > (free := available_bytes()):
            raise TooLargeError(
                f"expected a picture that memory holds, got {size[0]}×{size[1]}, which takes "
                f"{needed / 1e9:.1f} GB of {free / 1e9:.1f} GB that are free; make it smaller, or "
                "allow it by the option max-pixels"
            )
        _taken += needed
    try:
        yield
    finally:
        with _room:
            _taken -= needed
            _room.notify_all()


def check_pixels(size: tuple[int, int], most: float) -> None:
    """Raise TooLargeError if `size` (width, height) has more than `most` pixels."""
    if size[0] * size[1] > most:
        raise TooLargeError(
            f"expected at most {most / 1e6:g} million pixels, got {size[0]}×{size[1]}"
        )
