"""What one layer sees of a photograph, and how a painting looks to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from velatura.anatomy.alone import OnStep, reconstruction, texture
from velatura.errors import ConfigError, ImageError
from velatura.images.io import read, to_pil
from velatura.images.resize import fit, resize
from velatura.perception import losses, weights
from velatura.perception.layers import check_layer, geometry
from velatura.perception.vgg import VGG19

MAPS = 8
GRAM_SIDE = 256  # pixels of a Gram matrix's picture
SMALLEST = 32  # pixels a side
STEPS = (30, 30)  # of reconstructions and textures, coarse to fine


class Look(NamedTuple):
    """A layer's view. Pictures of the painting are None where there is none."""

    layer: str
    shape: tuple[int, int, int]  # channels, height, width
    field: int  # pixels of the photograph that one position sees, a side
    channels: list[int]  # those that respond most
    maps: list[Image.Image]  # their features, white where strongest
    gram: Image.Image
    reconstruction: Image.Image
    painting_gram: Image.Image | None
    texture: Image.Image | None
    content_distance: float | None  # of the painting's features from the photograph's, relative
    style_distance: float | None  # Wasserstein, relative to the painting


class Subject(NamedTuple):
    """What is looked at, and with what."""

    network: VGG19
    photograph: Tensor  # (1, 3, height, width)
    painting: Tensor | None  # of the same size


def prepare(content: Path, style: Path | None, layers: Sequence[str], size: int) -> Subject:
    """The photograph `content` with a long side of `size` pixels, and the painting alike.

    Raises:
        ImageError, ConfigError: with what was expected and what came.
    """
    for name in layers:
        check_layer(name)
    if size < SMALLEST:
        raise ConfigError(f"size: expected at least {SMALLEST} pixels, got {size}")
    photograph = read(content, size).pixels
    shape = (photograph.shape[-2], photograph.shape[-1])
    shape = fit(shape, min(size, max(shape)))
    if min(shape) < SMALLEST:
        raise ImageError(f"{content}: expected at least {SMALLEST} pixels a side at this size")
    painting = resize(read(style, max(shape)).pixels, shape) if style else None
    return Subject(VGG19(weights.load(), layers), resize(photograph, shape), painting)


def look(
    network: VGG19,
    layer: str,
    photograph: Tensor,
    painting: Tensor | None,
    on_step: OnStep = lambda step: None,
) -> Look:
    """See `photograph` (1, 3, height, width), and `painting` of the same size, at one layer.

    The reconstruction is painted from noise with the layer's content loss alone, the texture with
    its style loss alone; `on_step` is shown their steps.
    """
    with torch.no_grad():
        features = network(photograph, [layer])[layer].float()
        other = None if painting is None else network(painting, [layer])[layer].float()
    _, count, height, width = features.shape
    stride, reach = geometry(layer)
    strongest = features.mean(dim=(0, 2, 3)).argsort(descending=True)[:MAPS].tolist()
    order = features.square().mean(dim=(0, 2, 3)).argsort(descending=True)
    moment = _moment(features)
    alike = painting_gram = content_distance = style_distance = None
    if painting is not None and other is not None:
        other_moment = _moment(other)
        painting_gram = _gram_picture(other_moment, order)
        size = (photograph.shape[-2], photograph.shape[-1])
        alone: dict[str, Any] = {"style_layers": {layer: 1.0}, "color_weight": 0.0}
        alike = texture(painting, size, on_step, steps=STEPS, **alone)
        root = losses.moments_root(other_moment)
        style_distance = float(losses.wasserstein(moment, root).value)
        energy = float(losses.square_sum(features))
        content_distance = float(losses.content(other, features, energy).value)
    return Look(
        layer,
        (count, height, width),
        2 * reach + stride,
        strongest,
        [_map_picture(features[0, channel]) for channel in strongest],
        _gram_picture(moment, order),
        to_pil(reconstruction(photograph, on_step, steps=STEPS, content_layers={layer: 1.0})),
        painting_gram,
        None if alike is None else to_pil(alike),
        content_distance,
        style_distance,
    )


def _moment(features: Tensor) -> Tensor:
    return (losses.moments(features) / features[0, 0].numel()).float()


def _map_picture(feature: Tensor) -> Image.Image:
    """One channel (height, width), black at zero and white at its strongest."""
    levels = (feature / feature.max().clamp_min(1e-12)).clamp(0, 1)
    return Image.fromarray((255 * levels).byte().numpy())


def _gram_picture(moment: Tensor, order: Tensor) -> Image.Image:
    """Moments (C, C), channels in `order`, on a logarithmic scale over five decades."""
    levels = moment[order][:, order].clamp_min(1e-30).log10()
    levels = 1 - (levels.max() - levels).clamp(0, 5) / 5
    picture = Image.fromarray((255 * levels).byte().numpy().astype(np.uint8))
    smooth = Image.Resampling.BOX if len(moment) > GRAM_SIDE else Image.Resampling.NEAREST
    return picture.resize((GRAM_SIDE, GRAM_SIDE), smooth)
