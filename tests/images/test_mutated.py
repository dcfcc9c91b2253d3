"""Files of every format, mutated: all readers give pixels or one ImageError, and nothing else."""

import io as bytes_io
import struct
import time
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from velatura.errors import ImageError
from velatura.images import io, opening

MOST_PIXELS = 200_000  # allowed, so that a header that lies costs little
MOST_BYTES = 64 * MOST_PIXELS
MOST_SECONDS = 20.0  # of one file by all readers; thousands of times what one takes
WIDTH, HEIGHT = 40, 28


def scene() -> Image.Image:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    array = np.stack([x * 6, y * 9, (x + y) * 3], -1).astype(np.uint8)
    return Image.fromarray(array)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    about = Image.Exif()
    about[274], about[270], about[305] = 6, 'velatura {"size": 64}', "somebody"
    if form not in ("GIF", "BMP"):
        options["exif"] = about
    buffer = bytes_io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def of_tifffile(array: np.ndarray, **options: object) -> bytes:
    buffer = bytes_io.BytesIO()
    tifffile.imwrite(buffer, array, metadata=None, **options)
    return buffer.getvalue()


def samples() -> dict[str, bytes]:
    """A file of each format, and of each way to store pixels that has its own code."""
    image = scene()
    deep = np.asarray(image).astype(np.uint16) * 257
    transparent = image.copy()
    transparent.putalpha(image.getchannel("R"))
    palette = image.quantize(40, Image.Quantize.FASTOCTREE)
    grey = image.convert("L")
    premultiplied = np.concatenate([deep // 2, deep[:, :, :1] // 2 + 32768], axis=2)
    return {
        "jpeg": encoded(image, "JPEG", quality=90),
        "jpeg, progressive": encoded(image, "JPEG", progressive=True),
        "jpeg, CMYK": encoded(image.convert("CMYK"), "JPEG"),
        "png": encoded(image, "PNG"),
        "png, palette": encoded(palette, "PNG", transparency=3),
        "png, alpha": encoded(transparent, "PNG"),
        "png, bilevel": encoded(image.convert("1"), "PNG"),
        "png, 16 bits": bytes(imagecodecs.png_encode(deep)),
        "png, 16 bits of grey": bytes(imagecodecs.png_encode(np.ascontiguousarray(deep[:, :, 0]))),
        "gif": encoded(palette, "GIF", transparency=3),
        "bmp": encoded(image, "BMP"),
        "webp": encoded(transparent, "WEBP", lossless=True),
        "avif": encoded(image, "AVIF", speed=10),
        "tiff": encoded(image, "TIFF"),
        "tiff, lzw": encoded(transparent, "TIFF", compression="tiff_lzw"),
        "tiff, fax": encoded(image.convert("1"), "TIFF", compression="group4"),
        "tiff, jpeg": encoded(image, "TIFF", compression="jpeg"),
        "tiff, LAB": encoded(Image.new("LAB", (WIDTH, HEIGHT), (99, 3, 200)), "TIFF"),
        "tiff, float": encoded(Image.fromarray(np.float32(grey) / 255), "TIFF"),
        "tiff, 16 bits": of_tifffile(deep, photometric="rgb", compression="zlib"),
        "tiff, 16 bits in planes": of_tifffile(
            np.ascontiguousarray(np.moveaxis(deep, 2, 0)),
            photometric="rgb",
            planarconfig="separate",
        ),
        "tiff, 16 bits premultiplied": of_tifffile(
            premultiplied, photometric="rgb", extrasamples=["assocalpha"]
        ),
        "tiff, 16 bits from white": of_tifffile(deep[:, :, 0], photometric="miniswhite"),
        "tiff, whole numbers of 32 bits": of_tifffile(deep[:, :, 0].astype(np.int32)),
    }


SAMPLES = samples()
ENDS = {"jpeg": "jpg", "tiff": "tif"}


@st.composite
def mutated(draw: Callable) -> tuple[str, bytes]:
    """A sample with bytes changed, cut, moved or put in; or with other EXIF."""
    name = draw(st.sampled_from([*SAMPLES]))
    data = bytearray(SAMPLES[name])
    head = st.integers(0, min(len(data), 300) - 1)  # where structure is
    place = head | st.integers(0, len(data) - 1)
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["flip", "number", "cut", "insert", "delete", "metadata"]))
        at = min(draw(place), len(data) - 1)
        if kind == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "number":
            size = draw(st.sampled_from([1, 2, 4]))
            value = draw(st.sampled_from([0, 1, 255, 256, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]))
            order = draw(st.sampled_from(["little", "big"]))
            data[at : at + size] = (value % 256**size).to_bytes(size, order)
        elif kind == "cut":
            del data[max(at, 1) :]
        elif kind == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=20))
        elif kind == "delete":
            del data[at : at + draw(st.integers(1, 20))]
            data = data or bytearray(b"\0")
        else:
            data = bytearray(other_metadata(bytes(data), draw(st.binary(max_size=60))))
    return name, bytes(data)


def other_metadata(data: bytes, said: bytes) -> bytes:
    """With `said` for its EXIF, and that is all that is wrong with it."""
    if data.startswith(b"\xff\xd8"):
        body = b"Exif\0\0" + said
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]
    if data.startswith(b"\x89PNG") and len(data) > 33:
        body = b"eXIf" + said
        framed = struct.pack(">I", len(said)) + body + struct.pack(">I", zlib.crc32(body))
        return data[:33] + framed + data[33:]
    return data


def read_settings(path: Path) -> None:
    try:
        io.read_settings(path)
    except ImageError as error:
        if "holds no settings" not in str(error):
            raise


READERS: dict[str, Callable[[Path], object]] = {
    "read": lambda path: io.read(path).size,
    "read, small": lambda path: io.read(path, 8).size and None,
    "read_image": lambda path: io.read_image(path).size[::-1],
    "read_small": lambda path: io.read_small(path, 16)[1][::-1],
    "inspect": lambda path: io.inspect(path, MOST_PIXELS) and None,
    "read_settings": read_settings,
    "keeps_depth": lambda path: io.keeps_depth(path, Path("out.png")) and None,
}


def outcome(reader: Callable[[Path], object], path: Path) -> object:
    try:
        return reader(path)
    except ImageError as error:
        return error


def check_all_readers(path: Path) -> None:
    """Each gives what it promises, or one ImageError in a line that names the file."""
    found = {name: outcome(reader, path) for name, reader in READERS.items()}
    errors = [str(each) for each in found.values() if isinstance(each, ImageError)]
    assert all(told.startswith(f"{path}: ") and "\n" not in told for told in errors), errors
    sizes = {name: each for name, each in found.items() if isinstance(each, tuple)}
    assert len(set(sizes.values())) <= 1, sizes
    if "read" in sizes:
        pixels = io.read(path).pixels
        assert pixels.shape[-2:] == sizes["read"]
        assert 0 <= pixels.min() <= pixels.max() <= 1


def check(folder: Path, name: str, data: bytes) -> None:
    path = folder / f"a.{name.split(',')[0]}"
    path.write_bytes(data)
    filters, began = list(warnings.filters), time.monotonic()
    tracemalloc.start()
    try:
        check_all_readers(path)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < MOST_BYTES
    assert time.monotonic() - began < MOST_SECONDS
    assert warnings.filters == filters


@pytest.fixture(scope="module", autouse=True)
def few_pixels():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "_most_pixels", MOST_PIXELS)
        patch.setattr(io, "LARGE", 500)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("mutated")


quietly = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@settings(quietly, max_examples=100, derandomize=True)
@given(mutated())
def test_a_hundred_mutated_files_give_pixels_or_one_error(folder, case):
    check(folder, *case)


@pytest.mark.slow
@settings(quietly, max_examples=2000)
@given(mutated())
def test_two_thousand_mutated_files_give_pixels_or_one_error(folder, case):
    check(folder, *case)


@pytest.mark.parametrize("name", SAMPLES)
def test_unharmed_files_are_read_by_all_readers_alike(folder, name):
    path = folder / f"a.{name.split(',')[0]}"
    path.write_bytes(SAMPLES[name])
    if name == "tiff, whole numbers of 32 bits":
        with pytest.raises(ImageError, match="white is not known"):
            io.read(path)
        return
    sizes = {reader: READERS[reader](path) for reader in ("read", "read_image", "read_small")}
    turned = not name.startswith(("gif", "bmp")) and "16 bits" not in name
    assert set(sizes.values()) == {(WIDTH, HEIGHT) if turned else (HEIGHT, WIDTH)}


@pytest.mark.parametrize("name", ["jpeg", "png", "jpeg, progressive", "png, palette", "png, alpha"])
@pytest.mark.parametrize("said", [b"", b"XX*\0\0\0\0\x08", b"II*\0\xff\xff\xff\xff", b"\xff" * 60])
def test_other_metadata_changes_no_pixel(folder, name, said):
    path = folder / "a.bin"
    path.write_bytes(SAMPLES[name])
    whole = np.asarray(io.read_image(path).transpose(Image.Transpose.ROTATE_90))
    path.write_bytes(other_metadata(SAMPLES[name], said))
    found = np.asarray(io.read_image(path))
    if found.shape != whole.shape:  # the first of two still says that it is turned
        found = np.rot90(found)
    assert np.array_equal(found, whole)
