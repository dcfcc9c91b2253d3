import sys

import numpy as np
import pytest
from PIL import Image

from velatura.errors import ImageError
from velatura.images import photos
from velatura.images.io import read, size_of


@pytest.fixture
def upright():
    """Red above, blue below, 48×32, as it is to be seen."""
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :, 0], pixels[16:, :, 2] = 220, 220
    return Image.fromarray(pixels)


def is_as(path, image, apart=0.06):
    expected = np.asarray(image.convert("RGB"), float) / 255
    given = read(path).pixels[0].permute(1, 2, 0).numpy()
    return size_of(path) == given.shape[:2] == expected.shape[:2] and (
        np.abs(given - expected).mean() < apart
    )


@pytest.mark.parametrize("ending", ["heic", "jxl"])
def test_pictures_of_phones_are_read(tmp_path, upright, ending):
    import pillow_heif
    import pillow_jxl  # noqa: F401  registers itself

    pillow_heif.register_heif_opener()
    path = tmp_path / f"p.{ending}"
    upright.save(path, quality=90)
    assert is_as(path, upright)


def test_a_turned_heic_is_turned_once(tmp_path, upright):
    import pillow_heif

    exif = Image.Exif()
    exif[274] = 6  # to be turned by 90 degrees clockwise
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    pillow_heif.from_pillow(lying).save(tmp_path / "p.heic", quality=90, exif=exif.tobytes())
    assert is_as(tmp_path / "p.heic", upright)


def test_a_raw_file_is_developed(tmp_path):
    """A grey field that the sensor saw through red, green and blue filters alike."""
    import tifffile

    path = tmp_path / "p.dng"
    identity = [value for row in np.eye(3, dtype=int) for v in row for value in (int(v), 1)]
    tags = [
        (33421, "H", 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, "B", 4, bytes([0, 1, 1, 2]), True),  # CFAPattern
        (50706, "B", 4, bytes([1, 4, 0, 0]), True),  # DNGVersion
        (50708, "s", 0, "Test", True),  # UniqueCameraModel
        (50717, "H", 1, 4095, True),  # WhiteLevel
        (50721, "2i", 9, identity, True),  # ColorMatrix1
    ]
    seen = np.full((64, 96), 2000, np.uint16)
    tifffile.imwrite(path, seen, photometric=32803, extratags=tags, metadata=None)
    pixels = read(path).pixels
    assert pixels.shape == (1, 3, 64, 96) == (1, 3, *size_of(path))
    assert float(pixels[..., 8:-8, 8:-8].std(dim=(2, 3)).max()) < 0.02


@pytest.mark.parametrize("start", [b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", b"\xff\x0a"])
@pytest.mark.parametrize("rest", [b"", b"\xff" * 500])
def test_damaged_ones_are_refused_in_one_line(tmp_path, start, rest):
    path = tmp_path / "p.heic"
    path.write_bytes(start + rest)
    with pytest.raises(ImageError, match="cannot be read") as raised:
        read(path)
    assert "\n" not in str(raised.value)


def test_a_damaged_raw_file_is_refused_in_one_line(tmp_path):
    path = tmp_path / "p.nef"
    path.write_bytes(b"II*\0" + bytes(500))
    with pytest.raises(ImageError, match="cannot be read"):
        read(path)


def test_without_the_library_its_extra_is_named(tmp_path, monkeypatch):
    photos._heif.cache_clear()
    monkeypatch.setitem(sys.modules, "pillow_heif.as_plugin", None)
    path = tmp_path / "p.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(ImageError, match=r"velatura\[photos\]"):
        read(path)
    photos._heif.cache_clear()


def test_a_jpeg_of_a_phones_name_is_a_jpeg(tmp_path, upright):
    for name in ("p.heic", "p.dng"):
        upright.save(tmp_path / name, format="JPEG", quality=95)
        assert is_as(tmp_path / name, upright)
