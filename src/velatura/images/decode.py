"""Pixels of a file or of one of Pillow's images, as arrays: upright, in sRGB, small if wanted."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from velatura.errors import ImageError
from velatura.files import one_line
from velatura.images import deep
from velatura.images.metadata import orientation
from velatura.images.opening import opened, room
from velatura.quiet import quiet

Size: TypeAlias = tuple[int, int]  # width and height, as Pillow has it
Array: TypeAlias = NDArray[Any]

_RESAMPLED = ("L", "LA", "RGB", "RGBA", "CMYK")  # modes whose numbers can be averaged
_TURNED = range(5, 9)  # orientations at which width and height change places
_DECODED_BYTES = 8  # a pixel, while it is decoded
_FLOAT_BYTES = 24  # a pixel, while it becomes floating point
_STRIP = 1 << 20  # pixels that are converted at once on the way to a smaller picture


class Decoded(NamedTuple):
    """Pixels (height, width, 1, 3 or 4) fit for `planes`, and the picture's own size, upright."""

    pixels: Array
    size: Size


def decode(
    path: Path,
    goal: Callable[[Size], Size] = lambda size: size,
    most_pixels: float | None = None,
    all_bits: bool = True,
) -> Decoded:
    """Decode a file, resampled to what `goal` makes of its width and height as they are stored.

    8 bits of 16 will do if not `all_bits` are wanted.

    Raises:
        ImageError: it cannot be read; TooLargeError if there is no room for it.
    """
    with opened(path) as image:
        stored = image.size
        wanted = goal(stored)
        box = None
        if wanted != stored and (drafted := image.draft(None, (2 * wanted[0], 2 * wanted[1]))):
            box = drafted[1]  # a JPEG of a half, a quarter or an eighth its size
        needed = image.width * image.height * _DECODED_BYTES + wanted[0] * wanted[1] * _FLOAT_BYTES
        with room(stored, needed, most_pixels):
            array = deep.decode(path, image, all_bits)
            if array is None or image.format == "PNG":
                image.load()  # a PNG may say behind its pixels how it is turned
            turned = orientation(image)
            if array is not None and not _is_foreign(image):
                array = array if wanted == stored else _shrunk_array(array, wanted)
            else:
                eight = image if array is None else _in_eight_bits(array, image)
                array = _pixels(eight if wanted == stored else _shrunk(eight, wanted, box))
        size = stored[::-1] if turned in _TURNED else stored
        if np.issubdtype(array.dtype, np.floating):
            check_range(float(array.min()), float(array.max()))
        return Decoded(_upright(array, turned), size)


def decode_image(image: Image.Image) -> Array:
    """Pixels (height, width, 1, 3 or 4) of one of Pillow's images. Raises ImageError."""
    try:
        with quiet(r"PIL\."):
            return _upright(_pixels(image), orientation(image))
    except Exception as error:  # a file opened, but not yet decoded
        raise ImageError(f"image: cannot be read ({one_line(error)})") from error


def _pixels(image: Image.Image) -> Array:
    """Pixels of an image of any mode as they are stored, in sRGB."""
    if image.mode.startswith("I") or image.mode == "F":
        return deep.scaled(np.asarray(image))
    alpha = None
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        alpha = rgba.getchannel("A")
        if image.mode != "LA":
            image = rgba.convert("RGB")
    if image.mode in ("P", "1", "LA"):
        image = image.convert("RGB" if image.mode == "P" else "L")
    rgb = _to_srgb(image)
    if alpha is not None:
        rgb.putalpha(alpha)
    return np.asarray(rgb)


def planes(array: Array) -> NDArray[np.float32]:
    """Float32 pixels (3 or 4, height, width) in [0, 1] from an array of any accepted kind.

    Raises ImageError.
    """
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise ImageError(
            f"expected an array (height, width), (height, width, 3) or (…, 4), got {array.shape}"
        )
    if np.issubdtype(array.dtype, np.floating):
        check_range(float(array.min()), float(array.max()))
        most = 1
    elif array.dtype in (np.uint8, np.uint16):
        most = np.iinfo(array.dtype).max
    else:
        raise ImageError(f"expected uint8, uint16 or floating-point pixels, got {array.dtype}")
    sources = (0, 0, 0) if array.shape[2] == 1 else range(array.shape[2])
    found = np.empty((len(sources), *array.shape[:2]), np.float32)
    for plane, source in zip(found, sources, strict=True):  # one by one: it takes less memory
        plane[...] = array[..., source]
        plane /= most
    return found.clip(0, 1, out=found)


def check_range(lowest: float, highest: float) -> None:
    """Refuse NaN, infinity and pixels on another scale; a little overshoot is clamped."""
    if not (lowest >= -0.1 and highest <= 1.1):
        raise ImageError(
            f"expected floating-point pixels in [0, 1], got {lowest:g} to {highest:g}; "
            "divide by 255 first?"
        )


def without_hidden(found: NDArray[np.float32]) -> NDArray[np.float32]:
    """Planes without alpha where nothing is transparent, else with no colours that are not seen."""
    if len(found) == 3 or (found[3] == 1).all():
        return found[:3]
    alpha = found[3]
    total = max(float(alpha.sum()), 1e-6)
    for plane in found[:3]:
        seen = float((plane * alpha).sum()) / total
        plane -= seen
        plane *= alpha
        plane += seen
    return found


def _shrunk(
    image: Image.Image, size: Size, box: tuple[float, float, float, float] | None = None
) -> Image.Image:
    """Resampled to `size`, in 8 bits; `box` is what of it is the picture."""
    if image.mode in _RESAMPLED and (image.mode[-1] == "A" or not image.has_transparency_data):
        return image.resize(size, Image.Resampling.BICUBIC, box, reducing_gap=2)

    def strip(top: int, bottom: int) -> Image.Image:
        part = image.crop((0, top, image.width, bottom))
        if part.has_transparency_data:
            return part.convert("RGBA")
        return part.convert("L") if part.mode == "1" else _to_srgb(part)

    profile = None if image.mode in ("LAB", "YCbCr", "HSV") else image.info.get("icc_profile")
    if profile:  # of a palette's colours; it is applied when they are fewer
        del image.info["icc_profile"]
    small = _in_strips(image.size, size, strip)
    if profile:
        small.info["icc_profile"] = profile
    return small


def _shrunk_array(array: Array, size: Size) -> Array:
    """Pixels of more than 8 bits resampled to `size`; what is transparent weighs nothing."""
    transparent = array.shape[2] == 4
    most = float(np.iinfo(array.dtype).max) if array.dtype == np.uint16 else 1.0

    def channel(number: int, weighted: bool) -> NDArray[np.float32]:
        def strip(top: int, bottom: int) -> Image.Image:
            part = array[top:bottom, :, number].astype(np.float32)
            if weighted:
                part *= array[top:bottom, :, -1] / np.float32(most)
            return Image.fromarray(part)

        return np.asarray(_in_strips((array.shape[1], array.shape[0]), size, strip))

    count = array.shape[2] - transparent
    found = [channel(number, transparent) for number in range(count)]
    if transparent:
        alpha = channel(count, False)
        share = np.maximum(alpha / most, 1e-6)
        found = [*(each / share for each in found), alpha]
    small = np.stack(found, axis=2).clip(0, most)
    return small.round().astype(np.uint16) if array.dtype == np.uint16 else small


def _in_strips(size: Size, goal: Size, strip: Callable[[int, int], Image.Image]) -> Image.Image:
    """What `strip` makes of some rows at a time, of a picture of `size`, resampled to `goal`.

    As Pillow's `resize` with a reducing gap of 2, but no more than a strip is held at once.
    """
    width, height = size
    across, down = (max(1, side // (2 * wanted)) for side, wanted in zip(size, goal, strict=True))
    rows = max(1, _STRIP // (width * down)) * down
    parts = [
        strip(top, min(top + rows, height)).reduce((across, down)) for top in range(0, height, rows)
    ]
    small = Image.new(parts[0].mode, (parts[0].width, sum(part.height for part in parts)))
    top = 0
    for part in parts:
        small.paste(part, (0, top))
        top += part.height
    box = (0, 0, width / across, height / down)
    return small.resize(goal, Image.Resampling.BICUBIC, box)


def _is_foreign(image: Image.Image) -> bool:
    """Whether colours are in another space than sRGB."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode[:3] != "RGB":
        return False
    try:
        opened_profile = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return "srgb" not in ImageCms.getProfileDescription(opened_profile).lower()
    except (ImageCms.PyCMSError, OSError):
        return True


def _in_eight_bits(array: Array, image: Image.Image) -> Image.Image:
    """The upper bytes of 16-bit pixels, with the profile of `image`."""
    eight = Image.fromarray((array >> 8).astype(np.uint8))
    eight.info["icc_profile"] = image.info["icc_profile"]
    return eight


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile:
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
        except (ImageCms.PyCMSError, OSError):
            pass  # a damaged profile, or one for other channels: the usual guess is the best left
        else:
            if converted is not None:
                return converted
    if image.mode == "LAB":
        transform = ImageCms.buildTransform(
            ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
        )
        if (rgb := ImageCms.applyTransform(image, transform)) is not None:
            return rgb
    return image.convert("RGB")


def _upright(array: Array, turned: int) -> Array:
    """Pixels (height, width, …) as they are meant, of those stored at an orientation of EXIF's."""
    if turned in _TURNED:
        array = array.swapaxes(0, 1)
    if turned in (2, 3, 6, 7):
        array = array[:, ::-1]
    if turned in (3, 4, 7, 8):
        array = array[::-1]
    return array
