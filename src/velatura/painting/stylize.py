"""A photograph and a painting in, a picture out."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
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
    style: "ImageLike | Iterable[ImageLike]",
    config: StyleConfig | None = None,
    *,
    masks: "ImageLike | Iterable[ImageLike]" = (),
    style_masks: "ImageLike | Iterable[ImageLike]" = (),
    **options: Any,
) -> Image.Image:
    """Paint `content` in the style of `style`, or of several.

    Args:
        content: path, PIL image, array (height, width[, 3 or 4]), tensor (1, 3, height, width), or
            a file's contents: bytes, or a binary file that is open.
        style: one image, or several in a list or another iterable, of the same kinds.
        masks: where each style goes, white for there; one image for each style, of the same kinds.
        style_masks: what of each style counts, likewise.
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
    steps = transfer(photograph, style, config, masks=masks, style_masks=style_masks)
    (last,) = deque(steps, maxlen=1)  # which lets go of the others
    alpha = photograph.alpha
    if alpha is not None:
        alpha = resize(alpha, (last.image.shape[-2], last.image.shape[-1]))
    return to_pil(last.image, alpha)


def full_size(step: Step, alpha: Tensor | None) -> Picture:
    """The picture of `step` as large as it will be; `alpha` is the photograph's (1, 1, H, W)."""
    size = step.scales[-1].size
    return Picture(resize(step.image, size), None if alpha is None else resize(alpha, size))


def write_picture(
    path: Path,
    picture: Picture,
    step: Step,
    config: StyleConfig,
    content: str | None,
    styles: Sequence[str],
    also: Mapping[str, Any] | None = None,
) -> None:
    """Write the picture of `step`, with how it was made inside.

    `content` and `styles` are names of files; `also` is added to what is told inside.
    Raises ImageError or FileError if it cannot be written.
    """
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
