"""What a file says beside its pixels never decides whether they are read."""

import io as bytes_io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from velatura.errors import ImageError
from velatura.images import io

WIDTH, HEIGHT = 48, 32
SHORT, LONG, BYTE, ASCII, RATIONAL = 3, 4, 1, 2, 5


@pytest.fixture(scope="module")
def stored() -> Image.Image:
    """48×32, smooth, like none of its turned selves."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return Image.fromarray(np.stack([x * 5, y * 7, x * 0 + 90], -1).astype(np.uint8))


def exif(orientation: int, kind: int = SHORT, count: int = 1, order: str = "<") -> bytes:
    """EXIF of one entry."""
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8)
    value = {SHORT: "Hxx", LONG: "I", BYTE: "Bxxx", ASCII: "Bxxx", RATIONAL: "I"}[kind]
    entry = struct.pack(f"{order}HHI{value}", 274, kind, count, orientation)
    return b"Exif\0\0" + head + struct.pack(f"{order}H", 1) + entry + bytes(4)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def save(path, image, data, form):
    """`image` with `data` for its EXIF, whatever that is."""
    buffer = bytes_io.BytesIO()
    if form == "PNG":
        image.save(buffer, form)
        png = buffer.getvalue()
        buffer = bytes_io.BytesIO(
            png[:33] + chunk(b"eXIf", data.removeprefix(b"Exif\0\0")) + png[33:]
        )
    elif form == "PNG text":  # as ImageMagick writes it
        image.save(buffer, "PNG")
        png = buffer.getvalue()
        text = f"\nexif\n{len(data):8}\n{data.hex()}\n"
        body = b"Raw profile type exif\0\0" + zlib.compress(text.encode())
        buffer = bytes_io.BytesIO(png[:33] + chunk(b"zTXt", body) + png[33:])
    elif form == "WEBP":
        image.save(buffer, form, lossless=True, exif=data)
    else:
        image.save(buffer, form, quality=98, exif=data)
    path.write_bytes(buffer.getvalue())
    return path


UPRIGHT = {
    "no TIFF at all": b"Exif\0\0XX*\0\0\0\0\x08",
    "cut in its header": b"Exif\0\0II",
    "nothing": b"Exif\0\0",
    "garbage": bytes(range(1, 200)),
    "cut in its entry": exif(6)[:-10],
    "a directory far outside": b"Exif\0\0II*\0" + struct.pack("<I", 1 << 31),
    "a thousand entries that are not there": b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 65535),
    "orientation 0": exif(0),
    "orientation 9": exif(9),
    "orientation 65535": exif(65535),
    "orientation as BYTE": exif(6, BYTE),
    "orientation as ASCII": exif(ord("6"), ASCII),
    "orientation as RATIONAL": exif(6, RATIONAL),
    "no orientation of many": exif(6, SHORT, 0),
}
TURNED = {
    "orientation 6": exif(6),
    "orientation 6, big endian": exif(6, order=">"),
    "orientation 6 as LONG": exif(6, LONG),
    "orientation 6 behind two names": b"Exif\0\0" + exif(6),
}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "PNG text", "WEBP"])
@pytest.mark.parametrize("said", [*UPRIGHT, *TURNED])
def test_pixels_are_read_whatever_exif_says_and_by_all_readers_alike(tmp_path, stored, said, form):
    data = {**UPRIGHT, **TURNED}[said]
    path = save(tmp_path / "a.bin", stored, data, form)
    image = io.read_image(path)
    picture = io.read(path)
    square, size = io.read_small(path, 24)
    expected = stored.transpose(Image.Transpose.ROTATE_270) if said in TURNED else stored
    assert image.size == picture.size[::-1] == size == expected.size
    difference = np.asarray(image, int) - np.asarray(expected)
    assert np.abs(difference).mean() < (2 if form == "JPEG" else 0.01)
    assert np.array_equal(io.to_pil(picture.pixels), image)
    small = np.asarray(expected.resize((24, 24), Image.Resampling.BICUBIC), int)
    assert np.abs(np.asarray(square, int) - small).mean() < 3
    assert io.inspect(path, 10_000) in form
    with pytest.raises(ImageError, match="holds no settings"):
        io.read_settings(path)


@pytest.mark.parametrize(
    ("orientation", "kind", "turned"),
    [(6, SHORT, True), (6, LONG, True), (9, SHORT, False), (6, BYTE, False), (54, ASCII, False)],
)
def test_a_tiff_says_it_in_its_own_directory(tmp_path, stored, orientation, kind, turned):
    stored.save(tmp_path / "a.tif", tiffinfo={274: 1})
    data = (tmp_path / "a.tif").read_bytes()
    plain = struct.pack("<HHIHxx", 274, SHORT, 1, 1)
    assert data.count(plain) == 1
    value = struct.pack("<I", orientation)
    data = data.replace(plain, struct.pack("<HHI", 274, kind, 1) + value)
    (tmp_path / "a.tif").write_bytes(data)
    expected = stored.transpose(Image.Transpose.ROTATE_270) if turned else stored
    assert np.array_equal(io.read_image(tmp_path / "a.tif"), expected)
    assert io.read(tmp_path / "a.tif").size == expected.size[::-1]
    assert io.read_small(tmp_path / "a.tif", 24)[1] == expected.size


@pytest.mark.parametrize("tag", [282, 283, 296, 305, 700, 34665, 34853])
@pytest.mark.parametrize("kind", [1, 2, 5, 7, 12])
def test_a_tiffs_other_tags_may_be_of_any_type(tmp_path, stored, tag, kind):
    stored.save(tmp_path / "a.tif", tiffinfo={tag: 1 if tag > 30000 else (72, 1)[:1]}, dpi=(72, 72))
    data = bytearray((tmp_path / "a.tif").read_bytes())
    start = struct.unpack_from("<I", data, 4)[0]
    for entry in range(start + 2, start + 2 + 12 * struct.unpack_from("<H", data, start)[0], 12):
        if struct.unpack_from("<H", data, entry)[0] == tag:
            struct.pack_into("<HII", data, entry + 2, kind, 1, 0xFFFFFF)
    (tmp_path / "a.tif").write_bytes(bytes(data))
    assert np.array_equal(io.read_image(tmp_path / "a.tif"), stored)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_is_turned_by_its_boxes_even_if_its_exif_is_damaged(tmp_path, stored, orientation):
    path = tmp_path / "a.avif"
    about = Image.Exif()
    about[274] = orientation
    about[270] = "something"
    stored.save(tmp_path / "a.png", exif=about)
    stored.save(path, exif=about, quality=95, subsampling="4:4:4")
    whole = np.asarray(io.read_image(path), int)
    assert np.abs(whole - np.asarray(io.read_image(tmp_path / "a.png"), int)).mean() < 3
    data = path.read_bytes()
    at = data.rindex(b"II*\0" if b"II*\0" in data else b"MM\0*")
    path.write_bytes(data[: at + 10] + b"\xff" * 12 + data[at + 22 :])  # its first entry
    assert np.array_equal(io.read_image(path), whole)


def test_exif_behind_the_pixels_of_a_deep_png_counts(tmp_path):
    array = np.arange(WIDTH * HEIGHT * 3, dtype=np.uint16).reshape(HEIGHT, WIDTH, 3)
    png = bytes(imagecodecs.png_encode(array))
    (tmp_path / "a.png").write_bytes(png[:-12] + chunk(b"eXIf", exif(6)[6:]) + png[-12:])
    assert io.read(tmp_path / "a.png").size == (WIDTH, HEIGHT)


def test_an_images_own_metadata_counts_where_it_was_changed_in_memory(stored):
    image = stored.copy()
    image.getexif()[274] = 6
    assert io.read(image).size == (WIDTH, HEIGHT)
    image.getexif()[274] = 1
    assert io.read(image).size == (HEIGHT, WIDTH)


def test_xmp_says_it_where_exif_does_not(tmp_path, stored):
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    stored.save(tmp_path / "a.jpg", xmp=xmp)
    assert io.read(tmp_path / "a.jpg").size == (WIDTH, HEIGHT)
    assert io.read_small(tmp_path / "a.jpg", 24)[1] == (HEIGHT, WIDTH)


DAMAGED_CHUNKS = {
    "a text of another checksum": chunk(b"tEXt", b"a\0b")[:-1] + b"\0",
    "a text that unpacks to 100 MB": chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100 << 20), 9)),
    "a text packed in no known way": chunk(b"zTXt", b"a\0\x07b"),
    "a profile packed in no known way": chunk(b"iCCP", b"a\0\x07b"),
    "half a resolution": chunk(b"pHYs", b"\0\0"),
    "half a gamma": chunk(b"gAMA", b"\0"),
    "an animation of no frames": chunk(b"acTL", bytes(8)),
}


@pytest.mark.parametrize("what", DAMAGED_CHUNKS)
def test_a_pngs_damaged_chunks_that_hold_no_pixels_are_passed_over(tmp_path, stored, what):
    stored.save(tmp_path / "a.png")
    png = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(png[:33] + DAMAGED_CHUNKS[what] + png[33:])
    assert np.array_equal(io.read_image(tmp_path / "a.png"), stored)
    assert io.read_small(tmp_path / "a.png", 16)[1] == stored.size
