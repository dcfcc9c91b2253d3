"""What is painted and after what: images and masks, read, checked, and at each scale's size."""

import math
import os
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import zip_longest
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from velatura.errors import ConfigError, ImageError
from velatura.images.io import ImageLike, Picture, read, read_mask
from velatura.images.resize import resize
from velatura.painting.colors import prepare
from velatura.painting.config import StyleConfig
from velatura.perception.layers import geometry

LEAST_SEEN = 1e-3  # mean of a mask, below which nothing is left to paint after


class Inputs(NamedTuple):
    """Images (1, 3, height, width), each of its own size until `at` brings them to a picture's."""

    content: Tensor
    styles: list[Tensor]
    colors: Tensor | None  # whose hue and chroma the finished picture takes
    masks: list[Tensor]  # (1, 1, height, width): where in the picture each style goes
    style_masks: list[Tensor]  # what of each painting is looked at; none where all of all is
    alpha: Tensor | None  # the photograph's, (1, 1, height, width)

    def at(self, size: tuple[int, int], config: StyleConfig) -> "Inputs":
        """The same for a picture of `size` (height, width)."""
        paintings = [_style_at(painting, size, config) for painting in self.styles]
        return Inputs(
            resize(self.content, size),
            paintings,
            None if self.colors is None else resize(self.colors, size),
            [resize(mask, size) for mask in self.masks],
            [
                resize(mask, (painting.shape[-2], painting.shape[-1]))
                for mask, painting in zip(self.style_masks, paintings, strict=False)
            ],
            None if self.alpha is None else resize(self.alpha, size),
        )

    def recoloured(self, config: StyleConfig) -> "Inputs":
        """The same with the colours that `config` asks for."""
        prepared = prepare(
            self.content, self.styles, config, self.masks, self.style_masks, self.alpha
        )
        return Inputs(*prepared, self.masks, self.style_masks, self.alpha)


def read_inputs(
    content: ImageLike,
    styles: "ImageLike | Iterable[ImageLike]",
    config: StyleConfig,
    device: torch.device,
    masks: "ImageLike | Iterable[ImageLike]" = (),
    style_masks: "ImageLike | Iterable[ImageLike]" = (),
) -> Inputs:
    """Read all images, in their own colours.

    `masks` and `style_masks` are those of `config` if there are none.

    Raises:
        ImageError: an image cannot be read, is too small, or a mask is black or of another shape.
        ConfigError: there are more or fewer styles, blend weights or masks than fit each other.
    """
    source = read(content, config.size, config.max_pixels)
    photograph, alpha = source.pixels.to(device), source.alpha
    several = listed("styles", styles)
    masks, style_masks = listed("masks", masks), listed("style_masks", style_masks)
    side = math.ceil(2 * config.stroke_size * config.size)  # of paintings up to 16 times as wide
    pictures = [read(style, side, config.max_pixels) for style in several]
    paintings = [picture.pixels.to(device) for picture in pictures]
    if not paintings and config.wants_style:
        raise ConfigError("styles: expected at least one image, got none")
    config.blend_weights(len(paintings))
    for painting in paintings:
        if min(painting.shape[-2:]) < smallest_side(config):
            raise ImageError(
                f"expected a style image of at least {smallest_side(config)} pixels a side, got "
                f"{painting.shape[-1]}×{painting.shape[-2]}"
            )
    for name, images in (("masks", masks), ("style_masks", style_masks)):
        if images and len(images) != len(paintings):
            raise ConfigError(
                f"{name}: expected {len(paintings)} images for {len(paintings)} styles, "
                f"got {len(images)}"
            )
    places = [_read_mask(mask, photograph, config) for mask in masks or config.mask]
    given = [
        _read_mask(mask, painting, config)
        for mask, painting in zip(style_masks or config.style_mask, paintings, strict=False)
    ]
    counts = [mask.to(device) for mask in _without_transparent(given, pictures, several)]
    if alpha is not None:
        alpha = alpha.to(photograph)
    return Inputs(photograph, paintings, None, places, counts, alpha)


def _without_transparent(
    masks: list[Tensor], pictures: Sequence[Picture], sources: Sequence[ImageLike]
) -> list[Tensor]:
    """The styles' masks, none or one for each, without what is transparent of the pictures.

    Raises ImageError if nothing is left of one.
    """
    if all(picture.alpha is None for picture in pictures):
        return masks
    seen = []
    for mask, picture, source in zip_longest(masks, pictures, sources):
        alpha = torch.ones(1, 1, *picture.size) if picture.alpha is None else picture.alpha
        both = alpha if mask is None else resize(mask, picture.size) * alpha.to(mask)
        if float(both.mean()) < LEAST_SEEN:
            name = f"{source}: " if isinstance(source, str | os.PathLike) else ""
            raise ImageError(f"{name}expected a style image with something to see, got none")
        seen.append(both)
    return seen


def listed(name: str, images: "ImageLike | Iterable[ImageLike]") -> list[ImageLike]:
    """One image or several, in their order."""
    if isinstance(images, Set | Mapping):
        raise ConfigError(
            f"{name}: expected a list, as their order matters, got a {type(images).__name__}"
        )
    one = isinstance(images, str | bytes | bytearray | memoryview | np.ndarray | Tensor)
    if one or hasattr(images, "read") or not isinstance(images, Iterable):
        return [cast("ImageLike", images)]
    return list(images)


def smallest_side(config: StyleConfig) -> int:
    """Pixels a side below which the deepest layer would have no position, and at least 16."""
    return max(16, *(geometry(layer).stride for layer in config.layers))


def _read_mask(source: ImageLike, image: Tensor, config: StyleConfig) -> Tensor:
    """A mask (1, 1, height, width) for `image`, in its shape if not in its size."""
    name = f"{source}: " if isinstance(source, str | os.PathLike) else ""
    mask = read_mask(source, max(image.shape[-2:]), config.max_pixels).to(image)
    ratios = [tensor.shape[-1] / tensor.shape[-2] for tensor in (mask, image)]
    if abs(math.log(ratios[0] / ratios[1])) > 0.05:
        raise ImageError(
            f"{name}expected a mask in the shape of its image, "
            f"{image.shape[-1]}×{image.shape[-2]}, got {mask.shape[-1]}×{mask.shape[-2]}"
        )
    if float(mask.mean()) < LEAST_SEEN:
        raise ImageError(f"{name}expected a mask with some white, got a black one")
    return mask


def _style_at(painting: Tensor, size: tuple[int, int], config: StyleConfig) -> Tensor:
    """The painting with as many pixels as the picture, times the style scale a side.

    Never above its own size, as enlarging would only add blur, unless it takes the picture's shape.
    """
    if config.style_shape == "picture":
        return resize(painting, (size[0], size[1]))
    height, width = painting.shape[-2:]
    factor = min(1.0, config.stroke_size * math.sqrt(size[0] * size[1] / (height * width)))
    factor = max(factor, smallest_side(config) / min(height, width))
    return resize(painting, (round(height * factor), round(width * factor)))
