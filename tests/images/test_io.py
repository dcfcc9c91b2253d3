import contextlib
import errno
import io as bytes_io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageCms

from velatura.errors import FileError, ImageError, VelaturaError
from velatura.images import io


@pytest.fixture
def gradient() -> Image.Image:
    """48×32, red across, green down."""
    y, x = np.mgrid[0:32, 0:48]
    return Image.fromarray(np.stack([x * 5, y * 7, x * 0 + 90], -1).astype(np.uint8))


def pixels(source) -> np.ndarray:
    return io.read(source).pixels[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("ending", ["png", "bmp", "gif", "tiff", "webp", "jpg", "avif"])
def test_every_listed_format_is_read(tmp_path, gradient, ending):
    path = tmp_path / f"a.{ending}"
    gradient.save(path, **({"lossless": True} if ending == "webp" else {}))
    error = np.abs(pixels(path) * 255 - np.asarray(gradient)).mean()
    assert error < (0.01 if ending in ("png", "bmp", "tiff", "webp") else 6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, gradient, orientation):
    turned = {
        1: [],
        2: [0],
        3: [3],
        4: [1],
        5: [5],
        6: [4],
        7: [6],
        8: [2],
    }[orientation]  # the inverse of what a viewer does
    inverse = {4: 2, 2: 4}
    stored = gradient
    for method in turned:
        stored = stored.transpose(Image.Transpose(inverse.get(method, method)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_allclose(pixels(tmp_path / "a.png") * 255, np.asarray(gradient), atol=0.01)


def test_an_embedded_srgb_profile_changes_nothing(tmp_path, gradient):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    gradient.save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_allclose(pixels(tmp_path / "a.png") * 255, np.asarray(gradient), atol=1.01)


def test_a_profile_with_swapped_primaries_swaps_colours(tmp_path, gradient):
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.find(b"rXYZ", 128), profile.find(b"gXYZ", 128)
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    gradient.save(tmp_path / "a.png", icc_profile=bytes(profile))
    expected = np.asarray(gradient)[:, :, [1, 0, 2]]
    np.testing.assert_allclose(pixels(tmp_path / "a.png") * 255, expected, atol=2.5)


def test_a_damaged_profile_is_ignored(tmp_path, gradient):
    gradient.save(tmp_path / "a.png", icc_profile=b"no profile at all")
    np.testing.assert_allclose(pixels(tmp_path / "a.png") * 255, np.asarray(gradient), atol=0.01)


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "CMYK", "YCbCr", "I;16", "F"])
def test_every_mode_becomes_three_channels(tmp_path, gradient, mode):
    grey = gradient.convert("L")
    image = {
        "P": lambda: gradient.quantize(256),
        "I;16": lambda: Image.fromarray(np.asarray(grey).astype(np.uint16) * 257),
        "F": lambda: Image.fromarray(np.asarray(grey).astype(np.float32) / 255),
    }.get(mode, lambda: gradient.convert(mode))()
    ending = "tiff" if mode in ("CMYK", "YCbCr", "F") else "png"
    # Pillow 12 cannot read back the YCbCr that it writes uncompressed.
    options = {"compression": "tiff_lzw"} if mode == "YCbCr" else {}
    image.save(tmp_path / f"a.{ending}", **options)
    expected = np.asarray(
        image.convert("RGB") if mode not in ("I;16", "F") else grey.convert("RGB")
    )
    np.testing.assert_allclose(pixels(tmp_path / f"a.{ending}") * 255, expected, atol=2.5)


def test_sixteen_bits_keep_their_fine_steps(tmp_path):
    array = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)
    Image.fromarray(array).save(tmp_path / "a.png")
    assert len(np.unique(pixels(tmp_path / "a.png"))) == 4096


def test_alpha_is_kept_and_what_it_hides_is_not(tmp_path):
    array = np.zeros((20, 20, 4), np.uint8)
    array[:, :10] = (200, 100, 50, 255)
    array[:, 10:] = (0, 255, 0, 0)
    Image.fromarray(array).save(tmp_path / "a.png")
    picture = io.read(tmp_path / "a.png")
    assert picture.alpha is not None
    assert picture.alpha[0, 0, 0].tolist() == [1] * 10 + [0] * 10
    hidden = picture.pixels[0, :, :, 15] * 255
    torch.testing.assert_close(
        hidden, torch.tensor([200.0, 100, 50])[:, None].expand_as(hidden), atol=0.1, rtol=0
    )


def test_an_opaque_alpha_is_dropped(gradient):
    assert io.read(gradient.convert("RGBA")).alpha is None


def test_the_first_frame_of_an_animation_is_read(tmp_path):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(pixels(tmp_path / "a.gif")[0, 0], [1, 0, 0], atol=0.01)


def test_arrays_and_tensors_are_taken(gradient):
    array = np.asarray(gradient)
    for source in (array, array.astype(np.float64) / 255, array.astype(np.uint16) * 257):
        np.testing.assert_allclose(pixels(source) * 255, array, atol=0.01)
    assert pixels(array[:, :, 0]).shape == (32, 48, 3)
    tensor = io.read(gradient).pixels
    assert torch.equal(io.read(tensor).pixels, tensor)
    assert torch.equal(io.read(tensor[0]).pixels, tensor)
    assert torch.equal(io.read((tensor * 255).round().byte()).pixels, tensor)


def test_the_size_is_known_without_decoding(tmp_path, gradient, monkeypatch):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    gradient.save(tmp_path / "turned.jpg", exif=exif)
    expected = io.read(tmp_path / "turned.jpg").size
    monkeypatch.setattr(io, "decode", None)
    assert io.size_of(tmp_path / "turned.jpg") == expected == (48, 32)
    assert io.size_of(gradient) == (32, 48)


@pytest.mark.parametrize(
    "source",
    [
        np.zeros((4, 4, 2)),
        np.zeros((0, 4, 3)),
        np.full((4, 4), np.nan),
        np.zeros((4, 4), np.int64),
        torch.zeros(4, 4, 3),
        torch.full((1, 3, 4, 4), torch.nan),
        torch.zeros(2, 3, 4, 4),
        torch.zeros(1, 3, 4, 4, dtype=torch.int64),
        np.full((4, 4, 3), 200.0),
    ],
)
def test_other_arrays_are_refused(source):
    with pytest.raises(ImageError, match="expected"):
        io.read(source)


def bomb() -> bytes:
    """A PNG that claims 60,000 × 60,000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 100_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data)


def truncated_jpeg() -> bytes:
    buffer = bytes_io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()[:4000]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got 0 bytes"),
        (b"hello, I am a text", "another kind of file"),
        (truncated_jpeg(), "truncated"),
        (bomb(), "expected a picture that memory holds, got 60000×60000"),
    ],
)
def test_bad_files_are_told_in_one_line(tmp_path, content, message):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=message) as caught:
        io.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders_are_told(tmp_path):
    with pytest.raises(ImageError, match="found nothing"):
        io.read(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match="got a folder"):
        io.read(tmp_path)


@pytest.mark.parametrize("ending", sorted(io.WRITABLE))
def test_settings_survive_in_every_format(tmp_path, gradient, ending):
    path = tmp_path / f"out{ending}"
    settings = {"content": "Tübingen ✓.jpg", "size": 512, "layers": {"relu4_2": 0.5}}
    io.write(path, gradient, settings)
    assert io.read_settings(path) == settings
    assert io.read(path).size == (32, 48)


@pytest.mark.parametrize("ending", [".png", ".webp", ".tiff", ".avif"])
def test_alpha_is_written(tmp_path, gradient, ending):
    image = gradient.copy()
    image.putalpha(100)
    io.write(tmp_path / f"a{ending}", image)
    assert io.read(tmp_path / f"a{ending}").alpha is not None


def test_jpeg_lays_transparency_on_white(tmp_path):
    io.write(tmp_path / "a.jpg", Image.new("RGBA", (20, 20), (0, 0, 0, 0)))
    np.testing.assert_allclose(pixels(tmp_path / "a.jpg"), 1, atol=0.02)


def test_pictures_without_settings_say_so(tmp_path, gradient):
    gradient.save(tmp_path / "a.png")
    with pytest.raises(ImageError, match="holds no settings"):
        io.read_settings(tmp_path / "a.png")


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, gradient, monkeypatch):
    def refuse(image, place, form, **options):
        place.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.webp"
    path.write_bytes(b"old")
    monkeypatch.setattr(Image.Image, "save", refuse)
    with pytest.raises(FileError, match="cannot be written"):
        io.write(path, gradient)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.xyz", "expected a name ending in"),
        ("a", "no ending"),
        ("none/a.png", "does not exist"),
    ],
)
def test_unwritable_names_are_told_before_painting(tmp_path, name, message):
    with pytest.raises(VelaturaError, match=message):
        io.check_writable(tmp_path / name)


@pytest.mark.parametrize(("form", "largest"), io.LARGEST_SIDES.items())
def test_a_side_beyond_the_formats_limit_is_told_in_pixels(tmp_path, form, largest):
    ending = next(ending for ending, written in io.WRITABLE.items() if written == form)
    path = tmp_path / f"a{ending}"
    io.write(path, Image.new("RGB", (largest, 1), "red"))
    assert io.read_image(path).size == (largest, 1)
    for size in ((largest + 1, 1), (1, largest + 1)):
        with pytest.raises(ImageError, match=f"{form} holds at most {largest} pixels a side"):
            io.write(path, Image.new("RGB", size))


def test_what_an_encoder_refuses_is_one_error(tmp_path, gradient, monkeypatch):
    def refuse(image, place, form, **options):
        raise RuntimeError("Failed to encode image:\nInvalid argument")

    monkeypatch.setattr(Image.Image, "save", refuse)
    with pytest.raises(ImageError, match=r"cannot hold this picture .Failed to encode image: Inv"):
        io.write(tmp_path / "a.avif", gradient)


def test_eight_bits_survive_a_round_trip(gradient):
    assert np.array_equal(np.asarray(io.to_pil(io.read(gradient).pixels)), np.asarray(gradient))


def test_names_too_long_are_told_before_painting(tmp_path):
    long = tmp_path / ("a" * 300 + ".png")
    for refuse in (io.read, io.check_writable, io.read_settings):
        with pytest.raises(VelaturaError, match="too long"):
            refuse(long)


def test_the_longest_name_can_be_written(tmp_path, gradient):
    path = tmp_path / ("a" * 251 + ".png")
    io.check_writable(path)
    io.write(path, gradient)
    assert path.is_file()


def test_damaged_metadata_does_not_refuse_a_good_picture(tmp_path, gradient):
    exif = Image.Exif()
    exif[0x0112] = 3
    exif[0x9003] = "x" * 50
    gradient.save(tmp_path / "a.jpg", exif=exif, quality=98)
    good = pixels(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    for number in range(20):  # anywhere behind the orientation
        damaged = bytearray(data)
        damaged[60 + number] ^= 0xFF
        (tmp_path / "a.jpg").write_bytes(bytes(damaged))
        assert pixels(tmp_path / "a.jpg").shape == good.shape


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "avif", "tiff", "gif", "bmp"])
def test_damaged_files_raise_nothing_but_image_errors(tmp_path, gradient, ending):
    path = tmp_path / f"a.{ending}"
    gradient.save(path)
    data = path.read_bytes()
    chance = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(data)
        for place in chance.integers(0, len(data), 4):
            damaged[place] = chance.integers(256)
        path.write_bytes(bytes(damaged))
        with contextlib.suppress(ImageError):
            io.read(path)


def test_contents_are_read_like_the_file(tmp_path, photograph):
    path = tmp_path / "photo.tiff"
    deep = (np.asarray(photograph).astype(np.uint16) * 257)[:8]
    io.write(path, deep)
    expected, data = io.read(path).pixels, path.read_bytes()
    with path.open("rb") as file:
        file.seek(7)
        for source in (data, bytearray(data), memoryview(data), bytes_io.BytesIO(data), file):
            for _ in range(2):
                assert torch.equal(io.read(source).pixels, expected)


@pytest.mark.parametrize(
    "source, told",
    [
        (b"", "image: expected an image file, got 0 bytes"),
        (bytes_io.BytesIO(b"no picture"), "image: expected an image"),
        (bytes_io.StringIO("no picture"), "image: expected a binary file"),
        (None, "got NoneType"),
        ([[0.5]], "got list"),
        (7, "got int"),
    ],
)
def test_what_is_no_picture_is_told(source, told):
    with pytest.raises(ImageError, match=told) as error:
        io.read(source)
    assert "velatura-" not in str(error.value)
    assert "\n" not in str(error.value)


def test_closed_files_are_told():
    source = bytes_io.BytesIO(b"data")
    source.close()
    with pytest.raises(ImageError, match="image: expected a binary file"):
        io.read(source)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_a_matrix_is_a_grey_array():
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert torch.equal(io.read(np.matrix(values)).pixels, io.read(values).pixels)
