"""A content image and a style image in, a picture out."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from velatura.errors import ConfigError
from velatura.images.io import ImageLike
from velatura.painting.config import StyleConfig
from velatura.painting.engine import Step
from velatura.painting.inputs import listed
from velatura.session.checkpoint import Checkpoint
from velatura.session.job import Job
from velatura.session.session import run

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from velatura.session.options import StyleOptions


def stylize(
    content: ImageLike,
    style: "ImageLike | Iterable[ImageLike]",
    config: StyleConfig | None = None,
    *,
    masks: "ImageLike | Iterable[ImageLike]" = (),
    style_masks: "ImageLike | Iterable[ImageLike]" = (),
    initial: "ImageLike | None" = None,
    upscale: int = 1,
    on_step: Callable[[Step], object] | None = None,
    checkpoint: "str | os.PathLike[str] | None" = None,
    **options: "Unpack[StyleOptions]",
) -> Image.Image:
    """Paint `content` in the style of `style`, or of several.

    Args:
        content: path, PIL image, array (height, width[, 3 or 4]), tensor (3, height, width) or
            (1, 3, height, width), uint8 or floats in [0, 1], or a file's contents: bytes, or a
            binary file that is open.
        style: one image, or several in a list or another iterable, of the same kinds.
        config: all options together, or
        masks: where each style goes, white for there; one image for each style, of the same kinds.
        style_masks: what of each style counts, likewise.
        initial: the image to begin with, in place of what the option `init` says.
        upscale: how many times the picture is enlarged when it is done: 1, 2, 3 or 4.
        on_step: called with each `Step`: its number, losses, image. What it raises ends the
            painting.
        checkpoint: a folder that the state is kept in; called again with the same arguments, it
            goes on from there. It is cleared when the picture is done.
        **options: some by name, as `size=256, content_weight=2`.

    Returns:
        An RGB image whose long side is `config.size` or the content image's, whichever is smaller,
        times `upscale`; RGBA if the content image is partly transparent. Its `info["velatura"]`
        says how it was made.

    Raises:
        ImageError, ConfigError, WeightsError: with what was expected and what came.

    Example:
        >>> picture = velatura.stylize("photo.jpg", "painting.jpg", size=256)  # doctest: +SKIP
    """
    if config is not None and options:
        raise ConfigError("expected a config or options by name, got both")
    job = Job(
        content,
        listed("styles", style),
        config or StyleConfig.from_dict(options),
        masks=listed("masks", masks),
        style_masks=listed("style_masks", style_masks),
        initial=initial,
        upscale=upscale,
    )
    kept = None if checkpoint is None else Checkpoint(Path(checkpoint))
    return run(job, on_step=on_step, checkpoint=kept).image
