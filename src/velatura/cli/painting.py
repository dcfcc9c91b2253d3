"""Paint one picture, show the progress, write the file: what `stylize` and `demo` share."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from velatura.cli.progress import Progress
from velatura.errors import VelaturaError
from velatura.painting.config import StyleConfig


def paint(
    content: Path, styles: Sequence[Path], output: Path, config: StyleConfig, *, quiet: bool
) -> tuple[dict[str, Any], bool]:
    """Paint and write `output`; return the report and whether the painting was interrupted.

    Interrupted or failing half-way, it writes what is painted so far.
    """
    from velatura import __version__
    from velatura.images import io
    from velatura.images.resize import resize
    from velatura.painting.engine import Step, transfer

    io.check_writable(output)
    began = time.monotonic()
    photograph = io.read(content)
    step: Step | None = None
    interrupted, failure = False, None
    with Progress(quiet) as progress:
        try:
            for step in transfer(photograph.pixels, styles, config):
                progress.show(step)
        except KeyboardInterrupt:
            interrupted = True
            if step is None:
                raise
        except VelaturaError as error:
            failure = error
            if step is None:
                raise
    if step is None:
        raise VelaturaError("nothing was painted: there was no step to make")
    size = step.scales[-1].size
    image = io.to_pil(
        resize(step.image, size),
        None if photograph.alpha is None else resize(photograph.alpha, size),
    )
    settings = {
        "velatura": __version__,
        "content": content.name,
        "styles": [style.name for style in styles],
        "steps": step.number,
        "config": config.as_dict(),
    }
    io.write(output, image, settings)
    if failure:
        progress.say(f"{output}: what was painted before the failure")
        raise failure
    report = {
        "output": str(output),
        "content": str(content),
        "styles": [str(style) for style in styles],
        "width": size[1],
        "height": size[0],
        "steps": step.number,
        "seconds": round(time.monotonic() - began, 2),
        "interrupted": interrupted,
        "loss": step.loss,
        "losses": step.terms,
        "settings": settings["config"],
    }
    reason = f"interrupted after step {step.number} of {step.total}, " if interrupted else ""
    progress.say(f"{output}: {reason}{size[1]}×{size[0]}, {report['seconds']:.0f} s")
    return report, interrupted
