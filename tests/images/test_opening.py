"""Whether there is room for a picture, and what opening one leaves alone."""

import contextlib
import random
import sys
import threading
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from PIL import Image

from velatura.cli.main import main
from velatura.errors import ImageError, TooLargeError
from velatura.images import io, opening
from velatura.quiet import quiet


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr(opening, "available_bytes", lambda: 1e6)


@pytest.fixture
def no_limit(monkeypatch):
    monkeypatch.setattr(opening, "_most_pixels", None)


@pytest.fixture
def large(tmp_path):
    """200×200: 1.3 MB while it is read."""
    Image.new("RGB", (200, 200), "red").save(tmp_path / "large.png")
    return tmp_path / "large.png"


@pytest.mark.usefixtures("little_memory", "no_limit")
def test_memory_refuses_and_a_number_of_pixels_allows(large):
    with pytest.raises(TooLargeError, match=r"large.png: .* got 200×200, .* max-pixels"):
        io.read(large)
    assert io.read(large, max_pixels=40_000).size == (200, 200)
    assert io.read_small(large, 16)[1] == (200, 200)  # of which little becomes floating point
    opening.limit_pixels(40_000)
    assert io.read(large).size == (200, 200)
    opening.limit_pixels(39_999)
    for read in (io.read, io.read_image, lambda path: io.read_small(path, 16)):
        with pytest.raises(TooLargeError, match=r"at most 0.039999 million pixels, got 200×200"):
            read(large)


@pytest.mark.usefixtures("no_limit")
def test_pillows_own_limit_neither_refuses_nor_is_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for ending in ("png", "tif", "jpg", "webp", "gif", "bmp"):
        Image.new("RGB", (64, 48), "red").save(tmp_path / f"a.{ending}")
        assert io.read(tmp_path / f"a.{ending}").size == (48, 64)
    assert Image.MAX_IMAGE_PIXELS == 100


@pytest.mark.usefixtures("no_limit")
def test_the_command_line_sets_the_number(large, tmp_path, capsys):
    command = ["upscale", str(large), "-o", str(tmp_path / "out.png"), "--max-pixels"]
    assert main([*command, "1e4"]) == 2
    assert "large.png: expected at most 0.01 million pixels" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*command, "-1"])
    assert "expected a number above 0" in capsys.readouterr().err


@pytest.mark.usefixtures("no_limit")
def test_threads_wait_for_each_others_memory(monkeypatch):
    held = most = 0
    lock, pair = threading.Lock(), threading.Barrier(2, timeout=20)
    monkeypatch.setattr(opening, "available_bytes", lambda: 1000.0)

    def take(_):
        nonlocal held, most
        with opening.room((1, 1), 400):
            with lock:
                held += 1
                most = max(most, held)
            pair.wait()  # broken if one were let in alone
            with lock:
                held -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, range(24)))
    assert most == 2
    with pytest.raises(TooLargeError), opening.room((1, 1), 1001):
        pass


def test_reading_in_threads_leaves_the_filters_of_warnings_as_they_were(tmp_path):
    """Files that Pillow warns about, so that the filters are at work."""
    paths = []
    for number in range(4):
        path = tmp_path / f"{number}.tif"
        Image.new("RGB", (8, 8)).save(path, tiffinfo={305: "x" * 40})
        path.write_bytes(path.read_bytes()[:-20])
        paths.append(path)
    before = list(warnings.filters)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def read(number):
        chance = random.Random(number)
        for _ in range(20):
            with contextlib.suppress(ImageError):
                io.read_image(chance.choice(paths))

    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(read, range(8)))
    finally:
        sys.setswitchinterval(interval)
    assert warnings.filters == before


def warn(module):
    warnings.warn_explicit("something", UserWarning, "file", 1, module)


def test_only_pillows_warnings_are_kept_away_and_only_until_the_last_block_ends():
    before = list(warnings.filters)
    with quiet(r"PIL\."):
        with quiet(r"PIL\."):
            warn("PIL.TiffImagePlugin")
        warn("PIL.TiffImagePlugin")
        with pytest.raises(UserWarning):
            warn("velatura.images.io")
    with pytest.raises(UserWarning):
        warn("PIL.TiffImagePlugin")
    with quiet(".*"):
        warn("velatura.images.io")
    assert warnings.filters == before


def test_only_regular_files_are_opened(tmp_path):
    with pytest.raises(ImageError, match="got a pipe or a device"):
        io.read("/dev/zero")


def test_a_file_that_claims_more_than_it_has_takes_no_memory_for_it(tmp_path):
    """Of strips in planes all is read up to where the next is said to begin."""
    pixels = np.zeros((3, 28, 40), np.uint16)
    path = tmp_path / "planes.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", planarconfig="separate")
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags["StripOffsets"].overwrite((1 << 24, 1 << 27, 1 << 28))
    tracemalloc.start()
    try:
        with pytest.raises(ImageError, match=r"planes.tif: cannot be read"):
            io.inspect(path, 1 << 20)
        assert tracemalloc.get_traced_memory()[1] < 1e7
    finally:
        tracemalloc.stop()
