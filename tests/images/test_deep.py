import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms

from velatura.images import deep, io

GREY = np.arange(0, 65536, 64, dtype=np.uint16).reshape(16, 64)
COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=2) | 1


def save(path, array, **options):
    if path.suffix == ".png":
        path.write_bytes(imagecodecs.png_encode(array))
    else:
        tifffile.imwrite(path, array, photometric="rgb", metadata=None, **options)
    return path


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_all_sixteen_bits_come_and_go(tmp_path, ending):
    picture = io.read(save(tmp_path / f"in{ending}", COLOUR))
    assert torch.equal(
        (picture.pixels[0] * 65535).round().int(),
        torch.from_numpy(COLOUR.astype(np.int32)).permute(2, 0, 1),
    )
    out = tmp_path / f"out{ending}"
    io.write(out, io.to_deep(picture.pixels), {"scale": "×2"})
    found = imagecodecs.png_decode(out.read_bytes()) if ending == ".png" else tifffile.imread(out)
    assert found.dtype == np.uint16
    assert np.array_equal(found, COLOUR)
    assert io.read_settings(out) == {"scale": "×2"}
    with Image.open(out) as image:  # every other program can open it
        assert image.size == (64, 16)


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_transparency_keeps_its_depth(tmp_path, ending):
    array = np.concatenate([COLOUR, GREY[:, :, None]], axis=2)
    options = {} if ending == ".png" else {"extrasamples": ["unassalpha"]}
    picture = io.read(save(tmp_path / f"in{ending}", array, **options))
    assert picture.alpha is not None
    out = tmp_path / f"out{ending}"
    io.write(out, io.to_deep(picture.pixels, picture.alpha))
    assert np.array_equal(
        np.round(io.read(out).alpha[0, 0].numpy() * 65535).astype(np.uint16), GREY
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_as_pillow_does(tmp_path, orientation):
    extra = [(274, "H", 1, orientation, True)]
    path = save(tmp_path / "turned.tif", COLOUR, extratags=extra)
    found = io.to_pil(io.read(path).pixels)
    eight = tmp_path / "eight.tif"
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray((COLOUR >> 8).astype(np.uint8)).save(eight, exif=exif)
    expected = np.asarray(io.to_pil(io.read(eight).pixels), dtype=int)
    assert np.abs(np.asarray(found, dtype=int) - expected).max() <= 1


def test_eight_bits_are_read_where_nothing_better_is_installed(tmp_path, monkeypatch):
    path = save(tmp_path / "in.png", COLOUR)
    monkeypatch.setattr(deep, "is_installed", lambda: False)
    assert float((io.read(path).pixels * 255 % 1).abs().max()) < 1e-4


def test_depth_is_kept_where_both_files_have_it(tmp_path, photograph):
    path = save(tmp_path / "in.png", COLOUR)
    assert io.keeps_depth(path, tmp_path / "out.tif")
    assert not io.keeps_depth(path, tmp_path / "out.jpg")
    photograph.save(tmp_path / "eight.png")
    assert not io.keeps_depth(tmp_path / "eight.png", tmp_path / "out.png")


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_a_damaged_file_is_told(tmp_path, ending):
    path = save(tmp_path / f"in{ending}", COLOUR)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(io.ImageError, match="cannot be read"):
        io.read(path)


def grey_and_alpha(alpha):
    return np.stack([GREY, np.full_like(GREY, alpha)], axis=2)


def as_stored(path):
    """What `read` finds, as 16-bit values (height, width, 3 or 4)."""
    picture = io.read(path)
    both = (
        picture.pixels if picture.alpha is None else torch.cat([picture.pixels, picture.alpha], 1)
    )
    return (both[0].permute(1, 2, 0) * 65535).round().numpy().astype(int)


KINDS = {
    "planes": {"photometric": "rgb", "planarconfig": "separate"},
    "planes, compressed": {
        "photometric": "rgb",
        "planarconfig": "separate",
        "compression": "zlib",
    },
    "tiles": {"photometric": "rgb", "tile": (16, 16), "compression": "lzw", "predictor": True},
    "big endian": {"photometric": "rgb", "byteorder": ">", "compression": "zlib"},
    "a channel more": {"photometric": "rgb", "extrasamples": ["unspecified"]},
    "BigTIFF": {"photometric": "rgb", "bigtiff": True},
}


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_of_16_bit_tiff_are_read_as_tifffile_reads_them(tmp_path, kind):
    options = KINDS[kind]
    array = COLOUR
    if "extrasamples" in options:
        array = np.concatenate([COLOUR, GREY[:, :, None]], axis=2)
    if "planarconfig" in options:
        array = np.ascontiguousarray(np.moveaxis(array, 2, 0))
    tifffile.imwrite(tmp_path / "a.tif", array, metadata=None, **options)
    found = tifffile.imread(tmp_path / "a.tif")
    expected = np.moveaxis(found, 0, 2) if "planarconfig" in options else found
    assert np.array_equal(as_stored(tmp_path / "a.tif"), expected[:, :, :3])
    square, size = io.read_small(tmp_path / "a.tif", 16)
    assert size == (64, 16)
    eight = Image.fromarray((expected[:, :, :3] >> 8).astype(np.uint8))
    small = np.asarray(eight.resize((16, 16), Image.Resampling.BICUBIC), int)
    assert np.abs(np.asarray(square, int) - small).mean() < 1


def test_premultiplied_colours_are_divided_by_their_alpha(tmp_path):
    alpha = np.linspace(1000, 65535, 64).astype(np.uint16) * np.ones((16, 1), np.uint16)
    colours = np.full((16, 64, 3), 40000.0)
    stored = np.concatenate([colours * alpha[:, :, None] / 65535, alpha[:, :, None]], axis=2)
    stored = stored.round().astype(np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", stored, photometric="rgb", extrasamples=["assocalpha"], metadata=None
    )
    found = as_stored(tmp_path / "a.tif")
    assert np.abs(found[:, :, :3] - 40000).max() < 40
    assert np.array_equal(found[:, :, 3], alpha)
    white = np.full((16, 64, 4), 32768, np.uint16)
    tifffile.imwrite(
        tmp_path / "b.tif", white, photometric="rgb", extrasamples=["assocalpha"], metadata=None
    )
    assert io.read(tmp_path / "b.tif").pixels.min() == 1


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("white", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_grey_is_right_or_refused_whichever_end_is_white(tmp_path, kind, white, order, compression):
    most = 1 if kind == np.float32 else np.iinfo(kind).max
    array = (GREY / 65535 * most).astype(kind)
    tifffile.imwrite(
        tmp_path / "a.tif",
        array,
        photometric=white,
        byteorder=order,
        compression=compression,
        metadata=None,
    )
    expected = array / most if white == "minisblack" else 1 - array / most
    try:
        found = io.read(tmp_path / "a.tif").pixels[0, 0].numpy()
    except io.ImageError:
        assert kind == np.uint16  # which Pillow does not know
        assert (white, order) == ("miniswhite", ">")
    else:
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_twelve_bits_reach_white(tmp_path):
    array = (GREY >> 4).astype(np.uint16)
    array[0, 0] = 4095
    tifffile.imwrite(tmp_path / "a.tif", array, bitspersample=12, metadata=None)
    found = io.read(tmp_path / "a.tif").pixels[0, 0].numpy()
    np.testing.assert_allclose(found, array / 4095, atol=1e-5)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.uint32])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_whole_numbers_whose_white_is_not_known_are_refused(tmp_path, kind, compression):
    array = (GREY // 2).astype(kind)
    tifffile.imwrite(
        tmp_path / "a.tif", array, photometric="minisblack", compression=compression, metadata=None
    )
    for read in (io.read, io.read_image, lambda path: io.read_small(path, 16)):
        with pytest.raises(io.ImageError, match=r"a.tif: .* whose white is not known"):
            read(tmp_path / "a.tif")


def with_transparent(png: bytes, *colour: int) -> bytes:
    body = b"tRNS" + b"".join(value.to_bytes(2, "big") for value in colour)
    framed = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    return png[:33] + framed + png[33:]


@pytest.mark.parametrize("colours", [True, False])
def test_a_transparent_colour_of_16_bits_is_transparent_and_its_neighbours_are_not(
    tmp_path, colours
):
    array = COLOUR if colours else GREY
    png = bytes(imagecodecs.png_encode(np.ascontiguousarray(array)))
    (tmp_path / "a.png").write_bytes(with_transparent(png, *np.atleast_1d(array[5, 7]).tolist()))
    decoded = imagecodecs.png_decode((tmp_path / "a.png").read_bytes())
    assert decoded[..., -1].min() == 0
    picture = io.read(tmp_path / "a.png")
    assert np.array_equal(picture.alpha[0, 0].numpy() * 65535, decoded[..., -1])
    assert int((picture.alpha == 0).sum()) == 1
    assert np.asarray(io.read_small(tmp_path / "a.png", 16)[0]).shape == (16, 16, 3)


def test_grey_with_alpha_keeps_its_depth(tmp_path):
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(grey_and_alpha(40000)))
    found = as_stored(tmp_path / "a.png")
    assert np.abs(found[:, :, 3] - 40000).max() == 0
    assert len(np.unique(io.read(tmp_path / "a.png").pixels[0, 0])) > 1000


@pytest.mark.parametrize("ending", [".png", ".tif"])
@pytest.mark.parametrize("transparent", [True, False])
def test_grey_is_written_as_grey_of_16_bits(tmp_path, ending, transparent):
    pixels = torch.from_numpy(GREY.astype(np.float32) / 65535).expand(1, 3, 16, 64)
    alpha = torch.full((1, 1, 16, 64), 0.5) if transparent else None
    out = tmp_path / f"a{ending}"
    io.write(out, io.to_deep(pixels, alpha), {"scale": 2})
    found = imagecodecs.png_decode(out.read_bytes()) if ending == ".png" else tifffile.imread(out)
    grey = found[..., 0] if transparent else found
    assert grey.dtype == np.uint16
    assert np.array_equal(grey.reshape(16, 64), GREY)
    if transparent:
        assert set(found[..., -1].flat) == {32768}
    assert found.ndim == 2 or transparent
    assert io.read_settings(out) == {"scale": 2}
    assert io.keeps_depth(out, tmp_path / "b.png")


def test_without_the_extra_what_pillow_misreads_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(deep, "is_installed", lambda: False)
    planes = np.ascontiguousarray(np.moveaxis(COLOUR, 2, 0))
    tifffile.imwrite(
        tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate", metadata=None
    )
    png = bytes(imagecodecs.png_encode(COLOUR))
    (tmp_path / "a.png").write_bytes(with_transparent(png, 1, 2, 3))
    for name in ("a.tif", "a.png"):
        with pytest.raises(io.ImageError, match=r"pip install velatura\[deep\]"):
            io.read(tmp_path / name)


def test_sixteen_bits_in_another_space_are_brought_to_srgb(tmp_path):
    """The profile has red and green exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.find(b"rXYZ", 128), profile.find(b"gXYZ", 128)
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    at = profile.find(b"sRGB built-in".decode().encode("utf-16-be"))
    profile[at : at + 8] = "othr".encode("utf-16-be")
    save(tmp_path / "a.tif", COLOUR, iccprofile=bytes(profile))
    found = io.read(tmp_path / "a.tif").pixels[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(found, COLOUR[:, :, [1, 0, 2]] / 65535, atol=2.5 / 255)
