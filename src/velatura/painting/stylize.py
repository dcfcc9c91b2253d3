"""A photograph and a painting in, a picture out."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from velatura.errors import ConfigError
from velatura.images.io import ImageLike, Picture, read, to_pil, write
from velatura.images.resize import resize
from velatura.painting.config import StyleConfig
from velatura.painting.engine import Step, transfer
from velatura.version import __version__


def stylize(
    content: ImageLike,
    style: "ImageLike | Sequence[ImageLike]",
    config: StyleConfig | None = None,
    **options: Any,
) -> Image.Image:
    """Paint `content` in the style of `style`, or of several.

    Args:
        content: path, PIL image, array (height, width[, 3 or 4]) or tensor (1, 3, height, width).
        style: one image, or a list of images, of the same kinds.
        config: all options together, or
        **options: some by name, as `size=256, content_weight=2`.

    Returns:
        An RGB image whose long side is `config.size` or the photograph's, whichever is smaller;
        RGBA if the photograph is partly transparent.

    Raises:
        ImageError, ConfigError, WeightsError: with what was expected and what came.

    Example:
        >>> picture = velatura.stylize("photo.jpg", "painting.jpg", size=256)  # doctest: +SKIP
    """
    if config is not None and options:
        raise ConfigError("expected a config or options by name, got both")
    config = config or StyleConfig(**options)
    photograph = read(content, config.size, config.max_pixels)
    *_, last = transfer(photograph, style, config)
    alpha = photograph.alpha
    if alpha is not None:
        alpha = resize(alpha, (last.image.shape[-2], last.image.shape[-1]))
    return to_pil(last.image, alpha)


def write_picture(
    path: Path,
    step: Step,
    alpha: Tensor | None,
    config: StyleConfig,
    content: str | None,
    styles: Sequence[str],
    finish: Callable[[Picture], Picture] | None = None,
    also: Mapping[str, Any] | None = None,
) -> None:
    """Write the picture of `step` at its full size, with how it was made inside.

    `alpha` is the photograph's (1, 1, height, width), `content` and `styles` are names of files;
    `finish` is done to the picture at last, and `also` is added to what is told inside.
    Raises ImageError if it cannot be written.
    """
    size = step.scales[-1].size
    picture = Picture(resize(step.image, size), None if alpha is None else resize(alpha, size))
    if finish:
        picture = finish(picture)
    image = to_pil(picture.pixels, picture.alpha)
    settings = {
        "velatura": __version__,
        "content": content,
        "styles": list(styles),
        "steps": step.number,
        "config": config.as_dict(),
        **(also or {}),
    }
    write(path, image, settings)
