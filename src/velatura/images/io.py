"""Read and write pictures: orientation, colour profiles, alpha, 16 bit, settings."""

import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import numpy as np
from PIL import ExifTags, Image

from velatura.errors import ImageError
from velatura.files import atomic_path, check_place, one_line
from velatura.images import deep
from velatura.images.decode import (
    Size,
    check_range,
    decode,
    decode_image,
    planes,
    without_hidden,
)
from velatura.images.metadata import description, orientation
from velatura.images.opening import check_pixels, opened
from velatura.images.resize import fit
from velatura.untrusted import read_object

if TYPE_CHECKING:
    import torch

WRITABLE = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".avif": "AVIF",
}
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "PNG": {"compress_level": 3},  # paintings are 5% larger than with 6, in 40% of the time
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95, "method": 4},
    "TIFF": {"compression": "tiff_adobe_deflate"},
    "AVIF": {"quality": 90, "subsampling": "4:4:4"},
}
LARGEST_SIDES = {
    "JPEG": 65_500,  # libjpeg's, below what the format could say
    "WEBP": 16_383,
    "AVIF": 32_768,  # written are more, but read are not
}
_SETTINGS_KEY = "velatura"  # name of the PNG text chunk
_SETTINGS_PREFIX = "velatura "  # before the JSON in EXIF's image description
LARGE = 1 << 24  # pixels from which a picture may be decoded no finer than it is needed
NARROW = 128  # pixels of the shorter side that it keeps then, for the network's deepest layer


@dataclass(frozen=True)
class Picture:
    """Pixels (1, 3, height, width), sRGB in [0, 1], and alpha (1, 1, height, width) or None."""

    pixels: "torch.Tensor"
    alpha: "torch.Tensor | None" = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.pixels.shape[-2]), int(self.pixels.shape[-1])


ImageLike: TypeAlias = (
    "str | os.PathLike[str] | bytes | IO[bytes] | Image.Image | np.ndarray | torch.Tensor | Picture"
)


def read(source: ImageLike, side: int | None = None, max_pixels: float | None = None) -> Picture:
    """A picture from a path, a file's contents, an image of PIL's, an array or a tensor.

    Contents are bytes, or a binary file that is open, which is read from its beginning. A Picture
    is one already.

    Arrays are (height, width), (height, width, 3) or (height, width, 4), uint8, uint16 or
    floating point in [0, 1]; tensors are (3, height, width) or (1, 3, height, width), uint8 or
    floating point in [0, 1], and stay on their device. Files have their
    EXIF orientation applied and their colours converted to sRGB; of an animation the first frame
    is read. Where a picture is transparent its colour becomes the mean of what can be seen, so
    that what was hidden leaves no trace.

    Args:
        source: the picture.
        side: of the longer side, the pixels that will be used. A file of more than LARGE pixels
            then comes at twice that, in a fraction of the memory; `fit` gives the same size.
        max_pixels: the most that a file may have; None for what `limit_pixels` said, or else for
            as many as memory holds.

    Raises:
        ImageError: with what was expected and what came.
    """
    import torch

    if isinstance(source, Picture):
        return source
    if isinstance(source, (bytes, bytearray, memoryview)) or hasattr(source, "read"):
        with _as_file(source) as path:
            return read(path, side, max_pixels)
    if isinstance(source, torch.Tensor):
        source = source.detach()  # a picture that wants a gradient does not get one by painting
        source = source[None] if source.ndim == 3 else source
        if source.ndim != 4 or source.shape[:2] != (1, 3) or 0 in source.shape:
            raise ImageError(
                "expected a tensor (3, height, width) or (1, 3, height, width), several images as "
                f"a list, got {tuple(source.shape)}"
            )
        if source.dtype == torch.uint8:
            source = source / 255
        if not source.is_floating_point():
            raise ImageError(
                f"expected a tensor of uint8 or of floats in [0, 1], got {source.dtype}"
            )
        check_range(float(source.min()), float(source.max()))
        return Picture(source.float().clamp(0, 1))
    tensor = torch.from_numpy(without_hidden(_planes(source, side, max_pixels)))[None]
    return Picture(tensor[:, :3], tensor[:, 3:] if tensor.shape[1] == 4 else None)


def name_of(source: ImageLike) -> str | None:
    """The name of an image's file, if it is one."""
    return Path(os.fsdecode(source)).name if isinstance(source, str | os.PathLike) else None


def size_of(source: ImageLike) -> tuple[int, int]:
    """Height and width of what `read` would give; a file is not decoded. Raises ImageError."""
    if not isinstance(source, str | os.PathLike):
        return read(source).size
    with opened(Path(os.fsdecode(source))) as image:
        width, height = image.size
        return (width, height) if orientation(image) > 4 else (height, width)


@contextmanager
def _as_file(source: Any) -> Iterator[Path]:
    """A file's contents as a file for a while, for decoders that take nothing else."""
    try:
        if not isinstance(source, (bytes, bytearray, memoryview)):
            if source.seekable():
                source.seek(0)
            source = source.read()
        with tempfile.TemporaryDirectory(prefix="velatura-") as folder:
            path = Path(folder) / "image"
            path.write_bytes(source)
            yield path
    except ImageError as error:
        raise ImageError(str(error).replace(str(path), "image")) from error
    except (OSError, ValueError, TypeError, AttributeError) as error:  # closed, or open as text
        raise ImageError(
            f"image: expected a binary file that can be read ({one_line(error)})"
        ) from error


def read_mask(
    source: ImageLike, side: int | None = None, max_pixels: float | None = None
) -> "torch.Tensor":
    """How white a picture is, (1, 1, height, width) in [0, 1]; what is transparent is black.

    `source`, `side` and `max_pixels` as for `read`; a tensor may have one channel or none, arrays
    and tensors may be of truth values. Raises ImageError.
    """
    import torch

    if isinstance(source, np.ndarray) and source.dtype == np.bool_:
        source = source.astype(np.float32)
    if isinstance(source, (str, os.PathLike, np.ndarray, Image.Image)):
        found = torch.from_numpy(_planes(source, side, max_pixels))[None]  # as it is under alpha
        pixels, alpha = found[:, :3], found[:, 3:]
        return pixels.mean(1, keepdim=True) * (alpha if alpha.shape[1] else 1)
    if isinstance(source, torch.Tensor):
        if source.dtype == torch.bool:
            source = source.float()
        source = source[(None,) * max(0, 4 - source.ndim)]
        if source.ndim == 4 and source.shape[1] == 1:
            source = source.expand(-1, 3, -1, -1)
    picture = read(source, side, max_pixels)
    grey = picture.pixels.mean(1, keepdim=True)
    return grey if picture.alpha is None else grey * picture.alpha


def read_image(path: Path, side: int | None = None, max_pixels: float | None = None) -> Image.Image:
    """The same file as `read` would read, as an 8-bit RGB or RGBA image, without torch.

    Raises ImageError with what was expected and what came.
    """
    array = decode(path, _enough(side), max_pixels).pixels
    if array.dtype != np.uint8 or array.shape[2:] != (3,):
        array = _eight_bits(without_hidden(planes(array)))
    return Image.fromarray(array)


def read_small(path: Path, side: int) -> tuple[Image.Image, tuple[int, int]]:
    """A file as a small square, `side`×`side`, 8-bit RGB, and the picture's own width and height.

    Upright and in sRGB like what `read` gives, but squashed, and decoded no finer than needed: a
    JPEG is decoded at a half, a quarter or an eighth of its size. What is transparent is laid on
    grey.

    Raises:
        ImageError: with what was expected and what came.
    """
    decoded = decode(path, lambda size: (side, side), all_bits=False)
    found = planes(decoded.pixels)
    if len(found) == 4:
        found = found[:3] * found[3:] + 0.5 * (1 - found[3:])
    return Image.fromarray(_eight_bits(found)), decoded.size


def inspect(path: Path, most_pixels: int, decode: bool = True) -> str:
    """Pillow's name of the format of a file that can be read; `decode` it to make sure.

    Raises:
        ImageError: it cannot be read, or has more than `most_pixels`, found before decoding.
    """
    with opened(path) as image:
        check_pixels(image.size, most_pixels)
        if decode:
            image.load()
        return str(image.format)


def _planes(
    source: "str | os.PathLike[str] | Image.Image | np.ndarray[Any, Any]",
    side: int | None,
    max_pixels: float | None,
) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """Pixels (3 or 4, height, width); what is hidden is still there."""
    if isinstance(source, np.ndarray):
        return planes(np.asarray(source))  # a matrix has two axes whatever is done to it
    if isinstance(source, Image.Image):
        return planes(decode_image(source))
    if not isinstance(source, (str, os.PathLike)):
        raise ImageError(
            "expected a path, a PIL image, an array, a tensor, bytes or a binary file, "
            f"got {type(source).__name__}"
        )
    return planes(decode(Path(os.fsdecode(source)), _enough(side), max_pixels).pixels)


def _enough(side: int | None) -> Callable[[Size], Size]:
    """What a file's width and height are brought to, where `side` pixels will be used of it.

    A multiple of that, so that it is still of the same shape, and never narrow.
    """

    def goal(size: Size) -> Size:
        if side is None or size[0] * size[1] <= LARGE:
            return size
        height, width = fit((size[1], size[0]), side)
        times = max(2, math.ceil(NARROW / min(height, width)))
        return min(size, (times * width, times * height))

    return goal


def _eight_bits(found: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Planes in [0, 1] as 8-bit pixels (height, width, channels)."""
    return np.ascontiguousarray((found * 255).round().astype(np.uint8).transpose(1, 2, 0))


def to_pil(pixels: "torch.Tensor", alpha: "torch.Tensor | None" = None) -> Image.Image:
    """An 8-bit PIL image, RGB or RGBA, from pixels (1, 3, H, W) and alpha (1, 1, H, W)."""
    import torch

    tensor = pixels if alpha is None else torch.cat((pixels, alpha.to(pixels)), dim=1)
    array = tensor[0].detach().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(np.ascontiguousarray(array))


def png(pixels: "torch.Tensor", alpha: "torch.Tensor | None" = None) -> bytes:
    """The same as the contents of a PNG file, for notebooks."""
    buffer = BytesIO()
    to_pil(pixels, alpha).save(buffer, "PNG")
    return buffer.getvalue()


def to_deep(pixels: "torch.Tensor", alpha: "torch.Tensor | None" = None) -> "np.ndarray[Any, Any]":
    """The same as an array (height, width, 1 to 4) of uint16, fit for `write`.

    Grey is one channel.
    """
    import torch

    tensor = pixels if alpha is None else torch.cat((pixels, alpha.to(pixels)), dim=1)
    array = tensor[0].detach().permute(1, 2, 0).cpu().numpy()
    array = (array.clip(0, 1) * 65535).round().astype(np.uint16)
    is_grey = (array[:, :, :1] == array[:, :, :3]).all()
    return np.ascontiguousarray(array[:, :, 2:] if is_grey else array)


def keeps_depth(source: Path, output: Path) -> bool:
    """Whether `source` has 16 bits a channel that `output` can have too. Raises ImageError."""
    with opened(source) as image:
        return deep.is_deep(image) and output_format(output) in deep.FORMATS


def write(
    path: Path,
    image: "Image.Image | np.ndarray[Any, Any]",
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write `image` to `path` in the format of its ending, with `settings` inside, at once.

    PNG carries the settings as text, the other formats in EXIF's image description. JPEG has no
    alpha; there the picture is laid on white. An array is one of `to_deep`, for PNG and TIFF.

    Raises:
        ImageError: the ending is unknown, or its format cannot hold the picture.
        FileError: the file cannot be written.
    """
    form = output_format(path)
    height, width = image.shape[:2] if isinstance(image, np.ndarray) else image.size[::-1]
    check_size(path, (height, width))
    if isinstance(image, np.ndarray):
        text = json.dumps(dict(settings or {}), ensure_ascii=True)
        prefix = "" if form == "PNG" else _SETTINGS_PREFIX
        with atomic_path(path) as temporary:
            deep.encode(temporary, form, image, _SETTINGS_KEY, prefix + text)
        return
    options = dict(_SAVE_OPTIONS[form])
    if form == "JPEG" and image.mode == "RGBA":
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image).convert("RGB")
    if settings is not None:
        text = json.dumps(dict(settings), ensure_ascii=True)
        if form == "PNG":
            from PIL.PngImagePlugin import PngInfo

            info = PngInfo()
            info.add_text(_SETTINGS_KEY, text)
            options["pnginfo"] = info
        else:
            exif = Image.Exif()
            exif[ExifTags.Base.ImageDescription] = _SETTINGS_PREFIX + text
            exif[ExifTags.Base.Software] = "Velatura"
            options["exif"] = exif
    try:
        with atomic_path(path) as temporary:
            image.save(temporary, form, **options)
    except (ValueError, RuntimeError) as error:  # of an encoder
        raise ImageError(f"{path}: {form} cannot hold this picture ({one_line(error)})") from error


def read_settings(path: Path) -> dict[str, Any]:
    """The settings that `write` stored in the file.

    Raises:
        ImageError: it is no picture, or none of Velatura's.
    """
    with opened(path) as image:
        text = image.info.get(_SETTINGS_KEY)
        said = description(image)
        if text is None and said.startswith(_SETTINGS_PREFIX):
            text = said.removeprefix(_SETTINGS_PREFIX)
    if not text:
        raise ImageError(f"{path}: holds no settings of Velatura")
    try:
        return read_object(str(text))
    except ValueError as error:
        why = one_line(error)
        raise ImageError(f"{path}: holds no settings of Velatura ({why})") from error


def output_format(path: Path) -> str:
    """Pillow's name of the format that `path`'s ending asks for."""
    try:
        return WRITABLE[path.suffix.lower()]
    except KeyError:
        raise ImageError(
            f"{path}: expected a name ending in {', '.join(WRITABLE)}, "
            f"got {path.suffix or 'no ending'}"
        ) from None


def check_writable(path: Path, size: tuple[int, int] | None = None) -> None:
    """Raise now what `write` to `path`, of a picture of `size` (height, width), would raise later.

    Raises:
        ImageError: the format is unknown, or cannot hold a picture so large.
        FileError: the file cannot be written.
    """
    output_format(path)
    if size:
        check_size(path, size)
    check_place(path)


def check_size(path: Path, size: tuple[int, int]) -> None:
    """Raise ImageError if the format of `path` cannot hold a picture of `size` (height, width)."""
    form = output_format(path)
    largest = LARGEST_SIDES.get(form)
    if largest and max(size) > largest:
        raise ImageError(
            f"{path}: {form} holds at most {largest} pixels a side, got {size[1]}×{size[0]}; "
            "name a .png"
        )
