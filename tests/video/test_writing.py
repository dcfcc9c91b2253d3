import errno
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from velatura.errors import ConfigError, FileError
from velatura.video import reading, writing
from velatura.video.options import VideoOptions

from .films import decoded, make_film, packets, panned


def copy(source, output, **options):
    """A film written as it was read; the notes."""
    options = VideoOptions(**options)
    goal = writing.target(output, options)
    film = reading.probe(source)
    size = reading.painted_size(film, 0, goal.even)
    with writing.writer(goal, film, size, options, film.has_alpha) as out:
        for frame in reading.frames(film, size, start=options.start, end=options.end):
            out.add(frame)
    return out.notes


@pytest.fixture
def film(tmp_path):
    return make_film(tmp_path / "film.mp4", panned(25), sound=True)


def test_sound_is_copied_byte_for_byte(film, tmp_path):
    for name in ("a.mp4", "a.mkv", "a.mov"):
        assert copy(film, tmp_path / name) == []
        assert packets(tmp_path / name, "audio") == packets(film, "audio")


def test_sound_keeps_its_time_beside_the_pictures(film, tmp_path):
    copy(film, tmp_path / "a.mp4", start=0.4)
    with av.open(str(tmp_path / "a.mp4")) as made:
        (heard,) = made.streams.audio
        assert float(heard.duration * heard.time_base) == pytest.approx(0.6, abs=0.06)
        first = next(made.demux(heard))
        assert 0 <= float(first.pts * heard.time_base) < 0.03


def test_what_a_format_cannot_hold_is_said(film, tmp_path):
    (note,) = copy(film, tmp_path / "a.webm")
    assert "sound (aac) left out" in note
    assert copy(film, tmp_path / "a.gif", end=0.2)


def test_subtitles_are_copied(film, tmp_path):
    texts = tmp_path / "a.srt"
    texts.write_text("1\n00:00:00,000 --> 00:00:00,500\nA line\n")
    both = tmp_path / "both.mkv"
    with av.open(str(film)) as a, av.open(str(texts)) as b, av.open(str(both), "w") as made:
        sources = [(a, a.streams.video[0]), (b, b.streams.subtitles[0])]
        targets = [made.add_stream_from_template(stream) for _, stream in sources]
        for (container, stream), target in zip(sources, targets, strict=True):
            for packet in container.demux(stream):
                if packet.dts is not None:
                    packet.stream = target
                    made.mux(packet)
    assert copy(both, tmp_path / "out.mkv") == []
    assert packets(tmp_path / "out.mkv", "subtitle") == packets(both, "subtitle") == [b"A line"]


def test_pictures_are_those_that_were_added(film, tmp_path):
    before = decoded(film)
    for name in ("a.mp4", "a.webm", "a.gif"):
        copy(film, tmp_path / name, quality=100)
        after = decoded(tmp_path / name)
        assert len(after) == 25
        most = 20 if name == "a.gif" else 6
        assert np.abs(after[7].astype(int) - before[7]).mean() < most


def test_endings_and_options_choose_the_coding(film, tmp_path):
    for name, codec, known in (
        ("a.mp4", "auto", "h264"),
        ("b.mp4", "h265", "hevc"),
        ("c.mkv", "av1", "av1"),
        ("d.mov", "prores", "prores"),
        ("e.webm", "auto", "vp9"),
    ):
        copy(film, tmp_path / name, codec=codec, end=0.2)
        with av.open(str(tmp_path / name)) as made:
            assert known in made.streams.video[0].codec_context.codec.canonical_name


def test_quality_is_a_dial(film, tmp_path):
    sizes = []
    for quality in (20, 60, 100):
        copy(film, tmp_path / "a.mp4", quality=quality)
        sizes.append(sum(map(len, packets(tmp_path / "a.mp4", "video"))))
    assert sizes == sorted(sizes)


def test_times_of_a_variable_rate_are_kept(tmp_path):
    times = [0, 40, 200, 240, 1000]
    film = make_film(tmp_path / "a.mkv", panned(5), ticks=times)
    copy(film, tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as made:
        found = [frame.time for frame in made.decode(video=0)]
    assert found == pytest.approx([t / 1000 for t in times], abs=2e-3)


def test_alpha_is_kept_where_it_can_be(tmp_path):
    pixels = np.dstack([panned(1)[0], np.tile(np.arange(96, dtype=np.uint8) * 2, (64, 1))])
    film = make_film(tmp_path / "a.mkv", [pixels] * 3, codec="ffv1", layout="bgra")
    for name, codec in (("b.webm", "auto"), ("b.mov", "prores")):
        copy(film, tmp_path / name, codec=codec, quality=100)
        again = reading.probe(tmp_path / name)
        assert again.has_alpha
        frame = next(reading.frames(again, again.size))
        assert np.abs(frame.alpha.astype(int) - pixels[..., 3]).mean() < 3


def test_numbered_pictures_are_written(film, tmp_path):
    copy(film, tmp_path / "folder", end=0.2)
    copy(film, tmp_path / "p" / "f%03d.jpg", end=0.2)
    assert [p.name for p in sorted((tmp_path / "folder").iterdir())][-1] == "00005.png"
    assert (tmp_path / "p" / "f001.jpg").exists()
    first = next(reading.frames(reading.probe(film), (64, 96)))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "folder/00001.png")), first.pixels)


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("a.avi", {}, "ending in .mp4"),
        ("a.webm", {"codec": "h264"}, "one that .webm holds, av1 or vp9"),
        ("a.gif", {"codec": "h264"}, "one that .gif holds"),
        ("f%03d.doc", {}, "numbered pictures"),
    ],
)
def test_names_that_mean_nothing_are_refused(name, options, why, tmp_path):
    with pytest.raises(ConfigError, match=why):
        writing.target(tmp_path / name, VideoOptions(**options))


def test_a_folder_that_is_not_there_is_told_before_the_work(tmp_path):
    with pytest.raises(FileError, match="does not exist"):
        writing.target(tmp_path / "none" / "a.mp4", VideoOptions())


def test_an_encoder_that_this_build_lacks_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(writing.ENCODERS, "h264", "libnone")
    with pytest.raises(ConfigError, match="libnone"):
        writing.target(tmp_path / "a.mp4", VideoOptions())


def test_a_full_disk_leaves_nothing_and_is_told(film, tmp_path, monkeypatch):
    def full(self, frame, duration):
        raise av.error.OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing.FilmWriter, "_code", full)
    with pytest.raises(FileError, match=r"a\.mp4: cannot be written \(No space left"):
        copy(film, tmp_path / "a.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_the_same_frames_make_the_same_bytes(film, tmp_path):
    copy(film, tmp_path / "a.mp4")
    copy(film, tmp_path / "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_the_clock_is_the_films(film, tmp_path):
    copy(film, tmp_path / "a.mkv", end=0.2)
    with av.open(str(tmp_path / "a.mkv")) as made:
        assert made.streams.video[0].average_rate == Fraction(25)
