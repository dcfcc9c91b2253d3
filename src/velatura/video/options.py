"""How a film is painted and written: every option, without torch."""

import bisect
import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from velatura.options import Options, check, option

OPTIMISED_SIZE = 512  # long side in pixels of a film painted by optimisation, if not said


@dataclass(frozen=True)
class VideoOptions(Options):
    """How a film is painted and written. Raises ConfigError where a value is out of its range."""

    size: int = option(
        0, f"long side in pixels; 0 is the film's own, at most {OPTIMISED_SIZE} after a painting"
    )
    start: float = option(0.0, "seconds of the film to leave out at its beginning", at_least=0)
    end: float | None = option(None, "second of the film to end at")
    fps: float | None = option(
        None,
        "frames a second; the film's own if not given, 25 of numbered frames",
        above=0,
        at_most=1000,
    )
    strength: str = option(
        "", "from photograph (0) to painting (1); 0:0.2,4s:0.8 changes from second 0 to 4"
    )
    blend: str = option(
        "", "weights of several styles, as 1:2; 0=1:0,4s=0:1 changes from second 0 to 4"
    )
    steadiness: float = option(
        1.0,
        "how firmly the last frame is carried along the flow; 0 paints frame by frame",
        at_least=0,
        at_most=1,
    )
    frame_steps: int = option(
        5,
        "optimisation steps of a frame that begins with the last one, after a painting",
        at_least=1,
    )
    codec: Literal["auto", "h264", "h265", "av1", "vp9", "prores"] = option(
        "auto", "how the film is coded; auto is by the ending, H.264 in .mp4, .mov and .mkv"
    )
    quality: int = option(80, "of the coded film; higher is larger", at_least=0, at_most=100)
    deinterlace: Literal["auto", "never"] = option(
        "auto", "what is done to interlaced films: made progressive, or nothing"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.size == 0 or self.size >= 16, "size", self.size, "0, or at least 16 pixels")
        end = self.end
        check(end is None or end > self.start, "end", end, f"seconds above start, {self.start:g}")
        for mark in self.strengths.marks:
            check(0 <= mark.values[0] <= 1, "strength", mark.values[0], "numbers from 0 to 1")
        for mark in self.blends.marks:
            weights = mark.values
            check(
                min(weights) >= 0 and sum(weights) > 0, "blend", self.blend, "weights of at least 0"
            )

    @property
    def strengths(self) -> "Timeline":
        """The strength over time."""
        return Timeline(tuple(_marks("strength", self.strength, ":", single=True)))

    @property
    def blends(self) -> "Timeline":
        """The weights of the styles over time."""
        return Timeline(tuple(_marks("blend", self.blend, "=", single=False)))


class Mark(NamedTuple):
    """Values at a time in seconds."""

    seconds: float
    values: tuple[float, ...]


class Timeline(NamedTuple):
    """Values that change linearly between marks, and stay as they are before and after all."""

    marks: tuple[Mark, ...]

    def at(self, seconds: float) -> tuple[float, ...]:
        """The values at a time; none if there are no marks."""
        if not self.marks:
            return ()
        after = bisect.bisect_right([mark.seconds for mark in self.marks], seconds)
        if after in (0, len(self.marks)):
            return self.marks[max(0, after - 1)].values
        one, other = self.marks[after - 1], self.marks[after]
        share = (seconds - one.seconds) / (other.seconds - one.seconds)
        return tuple(a + share * (b - a) for a, b in zip(one.values, other.values, strict=True))


def _marks(name: str, text: str, mark: str, single: bool) -> list[Mark]:
    """`0:0.2,4s:0.8`, or a value alone, which holds for the whole film."""
    marks = []
    for part in filter(None, text.split(",")):
        time, separator, values = part.rpartition(mark) if single else part.partition(mark)
        if not separator:
            time, values = "0", part
        try:
            seconds = float(time.strip().removesuffix("s"))
            numbers = tuple(float(value) for value in values.split(":"))
        except ValueError:
            seconds, numbers = math.nan, ()
        check(
            bool(numbers) and all(map(math.isfinite, (seconds, *numbers))),
            name,
            text,
            f"a value, or times and values as 0{mark}{'0.2' if single else '1:0'},"
            f"4s{mark}{'0.8' if single else '0:1'}",
        )
        marks.append(Mark(seconds, numbers))
    times = [entry.seconds for entry in marks]
    check(times == sorted(set(times)), name, text, "times in their order, each once")
    check(len({len(entry.values) for entry in marks}) < 2, name, text, "as many weights each time")
    return marks
