from itertools import pairwise

import av
import numpy as np
import pytest
from PIL import Image

from velatura.errors import ImageError
from velatura.video import reading

from .films import decoded, make_film, panned, texture, turn


def read(path, size=None, **options):
    film = reading.probe(path, options.get("fps"))
    return list(reading.frames(film, size or film.size, **options))


def test_frames_are_those_of_the_film(tmp_path):
    frames = panned(6)
    found = read(make_film(tmp_path / "a.mp4", frames))
    assert [frame.number for frame in found] == list(range(6))
    assert [frame.seconds for frame in found] == pytest.approx([k / 25 for k in range(6)])
    for frame, wanted in zip(found, frames, strict=True):
        assert (
            np.abs(frame.pixels.astype(int) - wanted).mean() < 6
        )  # colour has half the resolution


def test_colors_are_right(tmp_path):
    red = np.full((64, 96, 3), (200, 40, 90), np.uint8)
    (frame,) = read(make_film(tmp_path / "a.mp4", [red]))
    assert np.abs(frame.pixels.astype(int) - red).max() < 4


def test_a_turned_film_is_upright(tmp_path):
    frames = panned(2)
    turn(make_film(tmp_path / "a.mp4", frames))
    film = reading.probe(tmp_path / "a.mp4")
    assert film.size == (96, 64)
    found = read(tmp_path / "a.mp4")[0].pixels
    with av.open(str(tmp_path / "a.mp4")) as container:
        degrees = next(container.decode(video=0)).rotation
    wanted = np.rot90(frames[0], degrees // 90)
    assert np.abs(found.astype(int) - wanted).mean() < 6


def test_odd_sides_become_even_where_a_coding_wants_it(tmp_path):
    path = make_film(tmp_path / "a.mkv", [texture(33, 47)], codec="ffv1", layout="bgr0")
    film = reading.probe(path)
    assert film.size == (33, 47)
    assert reading.painted_size(film, 0, even=True) == (32, 46)
    (frame,) = read(path, (32, 46))
    assert np.array_equal(frame.pixels, texture(33, 47)[:32, :46])  # cut, not scaled


def test_times_of_a_variable_rate_are_kept(tmp_path):
    times = [0, 40, 200, 240, 1000]
    path = make_film(tmp_path / "a.mkv", panned(5), ticks=times)
    assert [frame.seconds for frame in read(path)] == pytest.approx([t / 1000 for t in times])


def test_a_part_of_a_film_begins_at_zero(tmp_path):
    path = make_film(tmp_path / "a.mp4", panned(25))
    found = read(path, start=0.2, end=0.6)
    assert len(found) == 10
    assert found[0].seconds == 0
    whole = read(path)
    assert np.array_equal(found[0].pixels, whole[5].pixels)


def test_another_rate_takes_the_frames_that_are_shown_then(tmp_path):
    path = make_film(tmp_path / "a.mp4", panned(25))
    found, whole = read(path, fps=10), read(path)
    assert len(found) == 10
    assert [frame.seconds for frame in found] == pytest.approx(
        [k / 10 for k in range(10)], abs=1e-3
    )
    assert np.array_equal(found[3].pixels, whole[7].pixels)


def test_a_faster_rate_shows_frames_again(tmp_path):
    path = make_film(tmp_path / "a.mp4", panned(5), rate=5)
    assert len(read(path, fps=10)) == 10


def test_alpha_is_read(tmp_path):
    pixels = np.dstack([texture(), np.tile(np.arange(96, dtype=np.uint8), (64, 1))])
    path = make_film(tmp_path / "a.mkv", [pixels], codec="ffv1", layout="bgra")
    (frame,) = read(path)
    assert np.array_equal(frame.alpha, pixels[..., 3])
    assert np.array_equal(frame.pixels, pixels[..., :3])


def test_interlaced_films_are_made_progressive(tmp_path):
    moving = panned(12, step=4)
    woven = []
    for early, late in pairwise(moving):
        both = early.copy()
        both[1::2] = late[1::2]
        woven.append(both)
    path = make_film(
        tmp_path / "a.mkv", woven, options={"crf": "1", "x264-params": "tff=1:interlaced=1"}
    )

    def combed(**options):
        pixels = [frame.pixels.astype(int) for frame in read(path, **options)[2:-2]]
        return np.mean([np.abs(p[1:-1:2] - (p[:-2:2] + p[2::2]) / 2).mean() for p in pixels])

    assert combed() < 0.5 * combed(deinterlace=False)


def test_numbered_pictures_come_in_the_order_of_their_numbers(tmp_path):
    for number in (1, 2, 10):
        Image.fromarray(np.full((20, 30, 3), number, np.uint8)).save(tmp_path / f"f{number}.png")
    for source in (tmp_path, tmp_path / "f%d.png", tmp_path / "*.png"):
        found = read(source)
        assert [int(frame.pixels[0, 0, 0]) for frame in found] == [1, 2, 10]
        assert found[2].seconds == pytest.approx(2 / 25)
    assert read(tmp_path, fps=10)[1].seconds == pytest.approx(0.1)


def test_pictures_of_other_sizes_are_named(tmp_path):
    for number, width in ((1, 30), (2, 31)):
        Image.new("RGB", (width, 20)).save(tmp_path / f"{number}.png")
    with pytest.raises(ImageError, match=r"2\.png.*30×20"):
        read(tmp_path)


def sound_alone(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        wave = np.zeros((1, 44100), np.float32)
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_what_is_no_film_is_told_in_a_line(tmp_path):
    sound_alone(tmp_path / "sound.mp4")
    Image.new("RGB", (32, 32)).save(tmp_path / "picture.png")
    (tmp_path / "picture.png").rename(tmp_path / "picture.mp4")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no film\n" * 100)
    (tmp_path / "folder").mkdir()
    expected = {
        "sound.mp4": "no video",
        "picture.mp4": "picture",
        "empty.mp4": "cannot be read",
        "text.mp4": "cannot be read",
        "folder": "found none",
        "none.mp4": "no such file",
    }
    for name, why in expected.items():
        with pytest.raises(ImageError, match=why) as told:
            reading.probe(tmp_path / name)
        assert name in str(told.value)
        assert "\n" not in str(told.value)


def test_a_film_that_breaks_off_is_told(tmp_path):
    path = make_film(tmp_path / "a.mp4", panned(100), options={"crf": "1", "movflags": "faststart"})
    data = path.read_bytes()
    whole = make_film(tmp_path / "b.mkv", panned(100))
    (tmp_path / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageError, match="breaks off after"):
        read(tmp_path / "cut.mkv")
    with pytest.raises(ImageError, match="cannot be read"):
        read(tmp_path / "cut.mp4")


def test_there_have_to_be_frames_where_the_film_is_to_begin(tmp_path):
    path = make_film(tmp_path / "a.mp4", panned(5))
    with pytest.raises(ImageError, match="from 3 s on"):
        read(path, start=3.0)


def test_an_hdr_film_is_tone_mapped_and_says_so(tmp_path):
    gray = np.full((32, 32, 3), 148, np.uint8)  # 0.58 of the signal: diffuse white in PQ
    path = make_film(tmp_path / "a.mkv", [gray], codec="libx265", layout="yuv420p10le", trc=16)
    film = reading.probe(path)
    assert "HDR (PQ)" in film.notes[0]
    (frame,) = read(path)
    assert 190 < frame.pixels.mean() < 240
    assert abs(decoded(path)[0].mean() - 148) < 4
