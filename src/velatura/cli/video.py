"""`velatura video`: paint a film in the style of a painting, steadily."""

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velatura.cli.interruptions import INTERRUPTIONS
from velatura.cli.options import add_config_options, config_from, given_options
from velatura.cli.outputs import add_input, add_output
from velatura.cli.progress import Progress
from velatura.painting.config import StyleConfig
from velatura.video.options import VideoOptions

if TYPE_CHECKING:
    from velatura.painting.engine import Step
    from velatura.video.stylize import PaintedFrame

OF_VIDEO = ("size", "strength", "blend")  # that are the film's, and may change over time
OF_ONE_PICTURE = ("init", "max_seconds")
SECONDS_BETWEEN_PREVIEWS = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(
        parser, "film", help="a film; or numbered pictures: a folder, or a pattern as 'f/%%05d.png'"
    )
    add_input(
        parser,
        "styles",
        nargs="+",
        type=str,
        metavar="style",
        help="the painting(s), or a style in one pass: a name of velatura fast list, or a file",
    )
    add_output(
        parser,
        *("-o", "--output"),
        required=True,
        help="a film's name; or a folder or pattern of numbered pictures",
    )
    add_output(parser, "--preview", metavar="PICTURE", help="the last painted frame, now and then")
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument(
        "--recipe", default="default", help="settings to begin with; see velatura recipes"
    )
    add_config_options(parser, VideoOptions)
    add_config_options(parser, StyleConfig, without=(*OF_VIDEO, *OF_ONE_PICTURE))


def run(arguments: argparse.Namespace) -> int:
    from velatura.video.stylize import stylize_video

    options = VideoOptions(**given_options(arguments, VideoOptions))
    for name in OF_VIDEO:
        vars(arguments).pop(name, None)
    config = config_from(arguments)
    with INTERRUPTIONS as interruptions, Progress(arguments.quiet) as progress:
        shown = _Shown(progress, arguments.preview)
        result = stylize_video(
            arguments.film,
            arguments.styles,
            arguments.output,
            config,
            options,
            on_frame=shown.frame,
            on_step=shown.step,
        )
        interruptions.hold()
    for note in result.notes:
        progress.say(note)
    how = "interrupted; the same command goes on. " if result.interrupted else ""
    progress.say(f"{arguments.output}: {how}{result.frames} frames, {result.seconds:.0f} s")
    if arguments.json:
        print(json.dumps(_report(result)))
    return 130 if result.interrupted else 0


class _Shown:
    """Progress in frames, and a preview."""

    def __init__(self, progress: Progress, preview: Path | None) -> None:
        self.progress, self.preview = progress, preview
        self.due = 0.0
        self.before = 0  # frames of an earlier run
        self.last = ""

    def frame(self, painted: "PaintedFrame") -> None:
        """A frame is painted."""
        if painted.kept:
            self.before += 1
            return
        done, total = painted.number + 1, max(painted.total, painted.number + 1)
        rate = (done - self.before) / max(painted.spent, 1e-6)
        pace = f"{rate:.1f} frames/s" if rate >= 1 else f"{1 / rate:.1f} s a frame"
        self.last = f"frame {done}/{total}"
        self.progress.at(done - self.before, total - self.before, painted.spent, self.last, pace)
        if self.preview and time.monotonic() >= self.due:
            from velatura.images.io import write

            write(self.preview, painted.image)
            self.due = time.monotonic() + SECONDS_BETWEEN_PREVIEWS

    def step(self, step: "Step") -> None:
        """A step of the first frame of a shot is done."""
        where = f"{self.last or 'frame 0'}, a new shot"
        done, total = step.visited
        self.progress.at(done, total, step.seconds, where, f"step {step.number}/{step.total}")


def _report(result: Any) -> dict[str, Any]:
    return {
        "output": str(result.output),
        "frames": result.frames,
        "seconds": round(result.seconds, 2),
        "interrupted": result.interrupted,
        "notes": list(result.notes),
    }
