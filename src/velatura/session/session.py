"""A painting from its inputs to the finished picture."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from velatura.errors import VelaturaError, in_one_line
from velatura.images.io import Picture, check_size, png, size_of, to_pil, write
from velatura.images.resize import resize
from velatura.painting.engine import Step, plan, transfer
from velatura.session.checkpoint import Checkpoint
from velatura.session.job import Job
from velatura.superres.upscaler import Upscaler


@dataclass(frozen=True, repr=False)
class Result:
    """A picture with how it was made. A notebook shows it as a picture."""

    picture: Picture  # pixels (1, 3, height, width), and alpha (1, 1, height, width) or None
    settings: dict[str, Any]  # what `save` stores in the file
    steps: int  # made
    total: int  # planned
    seconds: float
    losses: dict[str, float]  # the weighted terms of the last step

    @property
    def image(self) -> Image.Image:
        """An 8-bit image, RGB or RGBA, with the settings as `info["velatura"]`."""
        image = to_pil(self.picture.pixels, self.picture.alpha)
        image.info["velatura"] = self.settings
        return image

    def save(self, path: Path) -> None:
        """Write the picture with its settings, in the format of the ending of `path`.

        Raises ImageError or FileError if it cannot be written.
        """
        write(path, to_pil(self.picture.pixels, self.picture.alpha), self.settings)

    def enlarged(self, times: int, device: str = "auto") -> "Result":
        """The same, so many `times` larger; raises ImageError or ConfigError if that fails."""
        if times == 1:
            return self
        larger = Upscaler(scale=times, device=device).enlarge(self.picture)
        settings = self.settings | {"upscale": times}
        return dataclasses.replace(self, picture=larger, settings=settings)

    def __repr__(self) -> str:
        height, width = self.picture.size
        return f"Result({width}×{height}, step {self.steps} of {self.total}, {self.seconds:.1f} s)"

    def _repr_png_(self) -> bytes:
        return png(self.picture.pixels, self.picture.alpha)


class Session:
    """Paints a job: iterate over its steps, then ask for the result.

    Stop iterating at any time, or let an error end it: `result` is what was painted by then. With
    a `checkpoint` the painting goes on from the state there, if there is one, and keeps its own.

    ```
    session = Session(job)
    for step in session:
        …
    session.result().save(path)
    session.close()
    ```
    """

    def __init__(self, job: Job, checkpoint: Checkpoint | None = None) -> None:
        self.job = checkpoint.begin(job) if checkpoint else job
        self.checkpoint = checkpoint
        self.step: Step | None = None  # the last one
        self._between_steps = False  # within one the optimiser is ahead of the image

    def __iter__(self) -> Iterator[Step]:
        """Paint, and yield each step.

        Raises what `transfer` raises, and ImageError if the format of the output cannot hold the
        picture. What else goes wrong, as memory that ends, is a VelaturaError.
        """
        job = self.job
        content = Image.new("RGB", job.canvas, "gray") if job.content is None else job.content
        if job.output:
            height, width = plan(size_of(content), job.config)[-1].size
            check_size(job.output, (height * job.upscale, width * job.upscale))
        try:
            for step in transfer(
                content,
                job.styles,
                job.bounded,
                masks=job.masks,
                style_masks=job.style_masks,
                initial=job.initial,
                state=self.checkpoint.state() if self.checkpoint else None,
            ):
                self.step = step
                if self.checkpoint:
                    self.checkpoint.add(step)
                self._between_steps = True
                yield step
                self._between_steps = False
        except (RuntimeError, MemoryError) as error:
            raise VelaturaError(
                f"the painting failed ({in_one_line(error)}); a smaller size or memory may help"
            ) from error
        if self.step is None:
            raise VelaturaError("nothing was painted: there was no step left to make")
        self._between_steps = True

    def result(self) -> Result:
        """The picture so far, at its full size. Raises VelaturaError before the first step."""
        step = self.step
        if step is None:
            raise VelaturaError("nothing is painted so far")
        size = step.scales[-1].size
        alpha = None if step.alpha is None else resize(step.alpha, size)
        return Result(
            Picture(resize(step.image, size), alpha),
            self.job.settings(step.number),
            step.number,
            step.total,
            step.seconds,
            dict(step.terms),
        )

    def close(self) -> None:
        """Once the result is written: clear the checkpoint, or, if steps are left, write it."""
        if self.checkpoint and self.step:
            if self.step.number == self.step.total:
                self.checkpoint.clear()
            elif self._between_steps:
                self.checkpoint.write(self.step)


def run(
    job: Job,
    *,
    on_step: Callable[[Step], object] | None = None,
    checkpoint: Checkpoint | None = None,
) -> Result:
    """Paint a job to its end; write the picture if it has an output.

    `on_step` is called with each step; what it raises ends the painting. Raises what `Session`
    raises.
    """
    session = Session(job, checkpoint)
    for step in session:
        if on_step:
            on_step(step)
    result = session.result().enlarged(job.upscale, job.config.device)
    if job.output:
        result.save(job.output)
    session.close()
    return result
