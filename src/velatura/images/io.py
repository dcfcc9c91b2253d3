"""Read and write pictures: orientation, colour profiles, alpha, 16 bit, settings."""

import io
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from velatura.errors import ImageError
from velatura.files import atomic_path, check_place, one_line
from velatura.images import deep

if TYPE_CHECKING:
    import torch

READABLE = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
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
_ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SETTINGS_KEY = "velatura"  # name of the PNG text chunk
_SETTINGS_PREFIX = "velatura "  # before the JSON in EXIF's image description

ImageLike: TypeAlias = "str | os.PathLike[str] | Image.Image | np.ndarray | torch.Tensor"


@dataclass(frozen=True)
class Picture:
    """Pixels (1, 3, height, width), sRGB in [0, 1], and alpha (1, 1, height, width) or None."""

    pixels: "torch.Tensor"
    alpha: "torch.Tensor | None" = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.pixels.shape[-2]), int(self.pixels.shape[-1])


def read(source: ImageLike) -> Picture:
    """A picture from a path, a PIL image, an array or a tensor.

    Arrays are (height, width), (height, width, 3) or (height, width, 4), uint8, uint16 or
    floating point in [0, 1]; tensors are (1, 3, height, width) in [0, 1]. Files have their
    EXIF orientation applied and their colours converted to sRGB; of an animation the first frame
    is read. Where a picture is transparent its colour becomes the mean of what can be seen, so
    that what was hidden leaves no trace.

    Raises:
        ImageError: with what was expected and what came.
    """
    import torch

    if isinstance(source, torch.Tensor):
        if source.ndim != 4 or source.shape[:2] != (1, 3) or 0 in source.shape:
            raise ImageError(f"expected a tensor (1, 3, height, width), got {tuple(source.shape)}")
        if not source.is_floating_point():
            raise ImageError(f"expected a floating-point tensor in [0, 1], got {source.dtype}")
        _check_range(float(source.min()), float(source.max()))
        return Picture(source.float().clamp(0, 1))
    if isinstance(source, np.ndarray):
        array = source
    elif isinstance(source, Image.Image):
        try:
            array = _decode(source)
        except ImageError:
            raise
        except Exception as error:  # a file opened, but not yet decoded
            raise ImageError(f"image: cannot be read ({one_line(error)})") from error
    else:
        array = _decode_file(Path(source))
    seen = _as_seen(_as_float(array))
    tensor = torch.from_numpy(np.ascontiguousarray(seen.transpose(2, 0, 1)))[None]
    return Picture(tensor[:, :3], tensor[:, 3:] if tensor.shape[1] == 4 else None)


def read_image(path: Path) -> Image.Image:
    """The same file as `read` would read, as an 8-bit RGB or RGBA image, without torch.

    Raises ImageError with what was expected and what came.
    """
    array = _decode_file(path)
    if array.dtype != np.uint8 or array.shape[2:] != (3,):
        array = (_as_seen(_as_float(array)) * 255).round().astype(np.uint8)
    return Image.fromarray(array)


def _as_seen(array: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Without alpha where nothing is transparent, else with no colours that cannot be seen."""
    pixels, alpha = array[..., :3], array[..., 3:]
    if (alpha == 1).all():  # or there is none
        return pixels
    seen = (pixels * alpha).sum((0, 1)) / max(float(alpha.sum()), 1e-6)
    return np.concatenate([seen + alpha * (pixels - seen), alpha], axis=2).astype(array.dtype)


def inspect(path: Path, most_pixels: int, decode: bool = True) -> str:
    """Pillow's name of the format of a file that can be read; `decode` it to make sure.

    Raises:
        ImageError: it cannot be read, or has more than `most_pixels`, found before decoding.
    """
    with _opened(path) as image:
        if image.width * image.height > most_pixels:
            raise ImageError(
                f"{path}: expected at most {most_pixels / 1e6:.0f} million pixels, "
                f"got {image.width}×{image.height}"
            )
        if decode:
            image.load()
        return str(image.format)


def read_small(path: Path, side: int) -> tuple[Image.Image, tuple[int, int]]:
    """A file as a small square, `side`×`side`, 8-bit RGB, and the picture's own width and height.

    Upright and in sRGB like what `read` gives, but squashed, and decoded no finer than needed: a
    JPEG is decoded at a half, a quarter or an eighth of its size. What is transparent is laid on
    grey.

    Raises:
        ImageError: with what was expected and what came.
    """
    with _opened(path) as image:
        size = image.size
        image.draft("RGB", (2 * side, 2 * side))
        drafted = image.size != size
        image.load()
        if not drafted:
            size = image.size  # loading a TIFF may turn it
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
            image = image.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=2)
            image.getexif()[ExifTags.Base.Orientation] = orientation  # which some formats lose
        pixels = _as_float(_decode(image))
    if pixels.shape[2] == 4:
        pixels = pixels[:, :, :3] * pixels[:, :, 3:] + 0.5 * (1 - pixels[:, :, 3:])
    square = Image.fromarray((pixels * 255).round().astype(np.uint8))
    if square.size != (side, side):
        square = square.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=2)
    return square, size if orientation < 5 else (size[1], size[0])


def to_pil(pixels: "torch.Tensor", alpha: "torch.Tensor | None" = None) -> Image.Image:
    """An 8-bit PIL image, RGB or RGBA, from pixels (1, 3, H, W) and alpha (1, 1, H, W)."""
    import torch

    tensor = pixels if alpha is None else torch.cat((pixels, alpha.to(pixels)), dim=1)
    array = tensor[0].detach().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(np.ascontiguousarray(array))


def to_deep(pixels: "torch.Tensor", alpha: "torch.Tensor | None" = None) -> "np.ndarray[Any, Any]":
    """The same as an array (height, width, 3 or 4) of uint16, fit for `write`."""
    import torch

    tensor = pixels if alpha is None else torch.cat((pixels, alpha.to(pixels)), dim=1)
    array = tensor[0].detach().permute(1, 2, 0).cpu().numpy()
    return np.ascontiguousarray((array.clip(0, 1) * 65535).round().astype(np.uint16))


def keeps_depth(source: Path, output: Path) -> bool:
    """Whether `source` has 16 bits a channel that `output` can have too. Raises ImageError."""
    with _opened(source) as image:
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
    with _opened(path) as image:
        text = image.info.get(_SETTINGS_KEY)
        if text is None:
            description = str(image.getexif().get(ExifTags.Base.ImageDescription, ""))
            if description.startswith(_SETTINGS_PREFIX):
                text = description.removeprefix(_SETTINGS_PREFIX)
    try:
        settings = json.loads(text) if text else None
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise ImageError(f"{path}: holds no settings of Velatura")
    return settings


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


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open an image file; whatever goes wrong inside the block becomes one ImageError."""
    try:
        if os.path.isdir(path):  # noqa: PTH112  Path.is_dir raises for names too long
            raise ImageError(f"{path}: expected an image file, got a folder")
        if path.stat().st_size == 0:
            raise ImageError(f"{path}: expected an image file, got 0 bytes")
        with warnings.catch_warnings():
            # Large photographs and odd metadata are welcome; what matters raises.
            warnings.simplefilter("ignore")
            Image.preinit()  # of the plugins those used most; without it Pillow loads all
            with Image.open(path, formats=READABLE) as image:
                yield image
    except FileNotFoundError:
        raise ImageError(f"{path}: expected an image file, found nothing") from None
    except UnidentifiedImageError:
        raise ImageError(
            f"{path}: expected an image ({', '.join(READABLE)}), got another kind of file"
        ) from None
    except Image.DecompressionBombError as error:
        raise ImageError(f"{path}: too large to be safe ({error})") from None
    except ImageError:
        raise
    except Exception as error:  # Pillow's decoders raise a dozen types for damaged files
        raise ImageError(f"{path}: cannot be read ({one_line(error)})") from error


def _decode_file(path: Path) -> "np.ndarray[Any, Any]":
    with _opened(path) as image:
        pixels = deep.decode(path, image)
        if pixels is not None:
            return pixels
        image.load()
        return _decode(image)


def _decode(image: Image.Image) -> "np.ndarray[Any, Any]":
    """Pixels fit for `_as_float`, upright, sRGB, from any PIL image."""
    # Only the orientation is looked at: other metadata may be damaged in a good picture.
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if orientation in _ORIENTATIONS:
        image = image.transpose(_ORIENTATIONS[orientation])
    if image.mode.startswith("I") or image.mode == "F":
        return _high_depth(image)
    alpha = None
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        alpha = rgba.getchannel("A")
        if image.mode != "LA":
            image = rgba.convert("RGB")
    if image.mode == "P" or image.mode == "1" or image.mode == "LA":
        image = image.convert("RGB" if image.mode == "P" else "L")
    rgb = _to_srgb(image)
    if alpha is not None:
        rgb.putalpha(alpha)
    return np.asarray(rgb)


def _high_depth(image: Image.Image) -> "np.ndarray[Any, Any]":
    """Greyscale of more than 8 bits; 32-bit integers hold 16-bit values in practice."""
    array = np.asarray(image)
    if image.mode == "F":
        return array.astype(np.float32) / (1 if array.max(initial=0) <= 1 else array.max())
    return array.clip(0, 65535).astype(np.uint16)


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


def _check_range(lowest: float, highest: float) -> None:
    """Refuse NaN, infinity and pixels on another scale; a little overshoot is clamped."""
    if not (lowest >= -0.1 and highest <= 1.1):
        raise ImageError(
            f"expected floating-point pixels in [0, 1], got {lowest:g} to {highest:g}; "
            "divide by 255 first?"
        )


def _as_float(array: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Float32 pixels (height, width, 3 or 4) in [0, 1] from an array of any accepted kind."""
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise ImageError(
            f"expected an array (height, width), (height, width, 3) or (…, 4), got {array.shape}"
        )
    if array.dtype == np.uint8 or array.dtype == np.uint16:
        array = array.astype(np.float32) / np.iinfo(array.dtype).max
    elif np.issubdtype(array.dtype, np.floating):
        _check_range(float(array.min()), float(array.max()))
        array = array.astype(np.float32).clip(0, 1)
    else:
        raise ImageError(f"expected uint8, uint16 or floating-point pixels, got {array.dtype}")
    return array.repeat(3, axis=2) if array.shape[2] == 1 else array
