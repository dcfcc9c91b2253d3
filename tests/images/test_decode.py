"""Large pictures are decoded small, in small memory, and are what resizing gives."""

import tracemalloc

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms

from velatura.images import decode, io
from velatura.images.resize import fit, resize

WIDTH, HEIGHT = 753, 501  # no multiples of 8


@pytest.fixture(autouse=True)
def little_is_large(monkeypatch):
    monkeypatch.setattr(io, "LARGE", 1 << 17)
    monkeypatch.setattr(decode, "_STRIP", 1 << 15)


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    """Waves of many lengths, and a bright dot near the far corner."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    waves = [np.sin(x / a + y / b) * 60 + 128 for a, b in ((30, 50), (200, 9), (13, 400))]
    array = np.stack(waves, axis=-1)
    array[-60:-20, -60:-20] = 255
    return Image.fromarray(array.round().astype(np.uint8))


def saved(kind, scene, folder):
    path = folder / kind.split()[0].replace("/", ".")
    options = {}
    if "16 bit" in kind:
        array = np.asarray(scene).astype(np.uint16) * 257
        if "grey" in kind:
            array = np.ascontiguousarray(array[:, :, 0])
        if "alpha" in kind:
            alpha = np.full((HEIGHT, WIDTH, 1), 65535, np.uint16)
            alpha[:150] = 0
            array = np.concatenate([array, alpha], axis=2)
        if path.suffix == ".png":
            path.write_bytes(imagecodecs.png_encode(array))
        else:
            tifffile.imwrite(path, array, photometric="rgb", metadata=None)
        return path
    if "turned" in kind:
        options["exif"] = Image.Exif()
        options["exif"][274] = 6
    image = scene
    if "palette" in kind:
        image = scene.quantize(200, Image.Quantize.FASTOCTREE)
        if "transparent" in kind:
            image.putpalette(image.getpalette())
            options["transparency"] = 7
    elif "alpha" in kind:
        image = scene.copy()
        image.putalpha(Image.linear_gradient("L").resize(scene.size))
    elif "CMYK" in kind:
        image = scene.convert("CMYK")
    elif "bilevel" in kind:
        image = scene.convert("1")
    elif "LAB" in kind:
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.applyTransform(scene, ImageCms.buildTransform(srgb, lab, "RGB", "LAB"))
    elif "float" in kind:
        image = Image.fromarray(np.asarray(scene)[:, :, 0].astype(np.float32) / 255)
    if path.suffix == ".jpg":
        options["quality"] = 95
    image.save(path, **options)
    return path


KINDS = [
    *("a.jpg", "a.jpg turned", "a.jpg CMYK", "a.png", "a.png palette", "a.gif palette"),
    *("a.png palette transparent", "a.png alpha", "a.png bilevel", "a.tif LAB", "a.tif float"),
    *("a.png 16 bit", "a.png 16 bit grey", "a.tif 16 bit", "a.tif 16 bit alpha", "a.webp alpha"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_decoded_small_is_what_resizing_gives(tmp_path, scene, kind, monkeypatch):
    path = saved(kind, scene, tmp_path)
    small = io.read(path, 100)
    monkeypatch.setattr(io, "LARGE", 1 << 40)
    whole = io.read(path, 100)
    assert sorted(whole.size) == [HEIGHT, WIDTH]
    size = fit(whole.size, 100)
    assert max(small.size) == 200
    assert fit(small.size, 100) == size
    difference = (resize(small.pixels, size) - resize(whole.pixels, size)).abs() * 255
    if whole.alpha is None:
        assert small.alpha is None
    else:
        alphas = resize(small.alpha, size), resize(whole.alpha, size)
        assert (alphas[0] - alphas[1]).abs().mean() * 255 < 1
        difference *= resize(whole.alpha, size) > 0.9
    assert difference.mean() < 0.6
    assert difference.max() < 24  # beside the dot's edges


def test_what_is_not_large_is_the_same_bit_for_bit(tmp_path, scene, monkeypatch):
    monkeypatch.setattr(io, "LARGE", WIDTH * HEIGHT)
    scene.save(tmp_path / "a.png")
    assert torch.equal(io.read(tmp_path / "a.png", 100).pixels, io.read(tmp_path / "a.png").pixels)


def test_what_is_hardly_reduced_keeps_its_size(tmp_path, scene):
    scene.save(tmp_path / "a.png")
    assert io.read(tmp_path / "a.png", 400).size == (HEIGHT, WIDTH)


def test_a_narrow_picture_stays_wide_enough_for_the_network(tmp_path):
    Image.new("RGB", (4500, 140), "red").save(tmp_path / "a.png")
    height, width = io.read(tmp_path / "a.png", 256).size
    assert height >= 128
    assert fit((height, width), 256) == fit((140, 4500), 256)


def peak(call) -> int:
    """Bytes that arrays take at most; Pillow's own, of a byte or four a pixel, are not seen."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["a.jpg", "a.png", "a.png palette", "a.png bilevel", "a.tif LAB"])
def test_no_floats_are_made_of_all_pixels(tmp_path, scene, kind):
    path = saved(kind, scene, tmp_path)
    assert peak(lambda: io.read_small(path, 32)) < 2 * WIDTH * HEIGHT
    assert peak(lambda: io.read(path, 32)) < 2 * WIDTH * HEIGHT
    assert peak(lambda: io.read(path)) > 12 * WIDTH * HEIGHT  # else nothing was measured


def test_deep_pictures_become_floats_one_channel_at_a_time(tmp_path, scene):
    path = saved("a.png 16 bit", scene, tmp_path)
    stored = 6 * WIDTH * HEIGHT + path.stat().st_size
    assert peak(lambda: io.read(path, 32)) < stored + 5 * WIDTH * HEIGHT


def test_a_picture_in_floats_takes_little_more_than_its_floats(tmp_path, scene):
    scene.save(tmp_path / "a.png")
    assert peak(lambda: io.read(tmp_path / "a.png")) < (3 + 12 + 2) * WIDTH * HEIGHT
