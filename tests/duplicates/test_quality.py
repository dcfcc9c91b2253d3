import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter

from velatura.duplicates.quality import DEEP, LOSSY, NO_LOSS, SPOILT, examine, is_spoilt, sharpness
from velatura.images.encoding import encoding


def jpeg(picture, quality):
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def pixels(picture):
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)


def grey(picture):
    return pixels(picture).float().mean(0) / 255


def test_pixels_are_the_same_however_they_are_stored(tmp_path, photographs):
    picture = photographs["cat"]
    picture.save(tmp_path / "a.png")
    picture.save(tmp_path / "b.tif")
    picture.save(tmp_path / "c.jpg", quality=95)
    a, b, c = (examine(tmp_path / name) for name in ("a.png", "b.tif", "c.jpg"))
    assert a == b
    assert a.pixels != c.pixels


def test_pixels_in_another_shape_are_others(tmp_path):
    Image.new("RGB", (20, 10)).save(tmp_path / "a.png")
    Image.new("RGB", (10, 20)).save(tmp_path / "b.png")
    assert examine(tmp_path / "a.png").pixels != examine(tmp_path / "b.png").pixels


def test_more_than_8_bits_are_better_and_other_pixels(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    eight = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    sixteen = eight.astype(np.uint16) * 257
    for name, pixels in (("8", eight), ("no more than 8", sixteen), ("16", sixteen ^ 7)):
        (tmp_path / f"{name}.png").write_bytes(imagecodecs.png_encode(pixels))
    eight, same, more = (examine(tmp_path / f"{n}.png") for n in ("8", "no more than 8", "16"))
    assert eight == same
    assert (eight.loss, more.loss) == (NO_LOSS, DEEP)
    assert DEEP < NO_LOSS < LOSSY < SPOILT
    assert eight.pixels != more.pixels


def test_transparent_pictures_have_8_bits(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 4), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels).save(tmp_path / "b.tif")
    assert examine(tmp_path / "a.png") == examine(tmp_path / "b.tif")
    assert examine(tmp_path / "a.png").loss == NO_LOSS


def test_a_format_tells_whether_it_loses(tmp_path, photographs):
    stored = {
        "a.png": ({}, True),
        "a.bmp": ({}, True),
        "a.gif": ({}, True),
        "a.tif": ({"compression": "tiff_lzw"}, True),
        "b.tif": ({"compression": "jpeg"}, False),
        "a.webp": ({"lossless": True}, True),
        "b.webp": ({"quality": 100}, False),
        "c.webp": ({"lossless": True, "exif": b"Exif\0\0", "icc_profile": b"odd"}, True),
        "d.webp": (
            {"save_all": True, "append_images": [photographs["cat"].resize((32, 24))]},
            False,
        ),
        "a.jpg": ({"quality": 100}, False),
        "a.avif": ({"quality": 60, "speed": 10}, False),
    }
    small = photographs["cat"].resize((32, 24))
    for name, (options, _) in stored.items():
        small.save(tmp_path / name, **options)
    assert {name: encoding(tmp_path / name).lossless for name in stored} == {
        name: lossless for name, (_, lossless) in stored.items()
    }


def test_a_jpeg_tells_how_coarsely_it_was_quantised(tmp_path, photographs):
    steps = []
    for quality in (95, 75, 50, 20, 5):
        photographs["cat"].save(tmp_path / "a.jpg", quality=quality)
        steps.append(encoding(tmp_path / "a.jpg").step)
    assert steps == sorted(steps)
    assert 1 <= steps[0] < steps[-1] <= 255


@pytest.mark.parametrize("quality", [5, 30, 75, 95])
def test_what_was_a_jpeg_is_known_from_its_pixels(photographs, quality):
    for name in ("cat", "coffee", "astronaut"):  # the rocket's night sky has too little in it
        small = photographs[name].resize((240, 160))
        assert is_spoilt(pixels(jpeg(small, quality)))
        assert not is_spoilt(pixels(small))


def test_a_photograph_that_lost_its_colours_is_known(photographs):
    picture = photographs["rocket"].resize((160, 107))
    for few in (picture.quantize(256), picture.quantize(16), picture.convert("1")):
        assert is_spoilt(pixels(few))
    assert not is_spoilt(pixels(picture.convert("L")))


def test_a_drawing_has_lost_nothing():
    drawing = Image.new("RGB", (320, 240), "wheat")
    draw = ImageDraw.Draw(drawing)
    for number in range(6):
        draw.ellipse((40 * number, 10, 40 * number + 90, 200), fill=(40 * number, 90, 200))
        draw.text((9, 40 * number), "Velatura", fill="black", font_size=30)
    tiles = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    for picture in (
        drawing,
        Image.fromarray(tiles).resize((240, 160), Image.Resampling.NEAREST),
        Image.fromarray(tiles).resize((480, 320), Image.Resampling.NEAREST),
        Image.fromarray(tiles),
        Image.new("RGB", (64, 64)),
    ):
        assert not is_spoilt(pixels(picture))


@pytest.mark.parametrize("size", [(1, 1), (1, 99), (99, 1), (7, 9), (8, 8), (13, 12)])
def test_the_smallest_pictures_are_examined(tmp_path, size):
    Image.new("RGB", size).save(tmp_path / "dot.png")
    found = examine(tmp_path / "dot.png")
    assert (found.loss, found.sharpness) == (NO_LOSS, 0)


def test_stored_without_loss_after_a_loss_is_worst(tmp_path, photographs):
    small = photographs["coffee"].resize((240, 160))
    small.save(tmp_path / "a.png")
    small.save(tmp_path / "a.jpg", quality=75)
    jpeg(small, 75).save(tmp_path / "b.png")
    assert [examine(tmp_path / name).loss for name in ("a.png", "a.jpg", "b.png")] == [
        *(NO_LOSS, LOSSY, SPOILT)
    ]


def test_blur_makes_less_sharp_and_blocks_and_dithering_do_not_make_sharper(photographs):
    for picture in photographs.values():
        small = picture.resize((96, 64))
        sharp = sharpness(grey(small))
        assert sharpness(grey(small.filter(ImageFilter.GaussianBlur(1)))) < 0.7 * sharp
        assert sharpness(grey(small.quantize(64))) < 1.05 * sharp
        assert sharpness(grey(jpeg(small, 5))) < 1.05 * sharp
