import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

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
