"""Whose colours the picture gets: what is done to photograph and paintings before, and after."""

from typing import NamedTuple

import torch
from torch import Tensor

from velatura.images.color import gray, match_colors
from velatura.painting.config import StyleConfig


class Prepared(NamedTuple):
    """Images (1, 3, any height, any width) as the engine is to see them."""

    photograph: Tensor
    paintings: list[Tensor]
    colors: Tensor | None  # whose hue and chroma the finished picture takes


def prepare(photograph: Tensor, paintings: list[Tensor], config: StyleConfig) -> Prepared:
    """Recolour the images as `config.colors` and `config.palette` ask.

    `content-luminance` paints with lightness alone, the paintings' brought to the photograph's
    mean and spread; `content-match` gives the paintings the photograph's colours (Gatys et al.
    2017, sections 4.2 and 4.1). Otherwise the photograph begins in the paintings' colours, blended
    as they are: the style loss alone moves colours slowly, and the content loss resists.
    """
    if config.colors == "content-luminance":
        colorless = gray(photograph)
        matched = [_match_spread(gray(painting), colorless) for painting in paintings]
        return Prepared(colorless, matched, photograph)
    if config.colors == "content-match":
        matched = [match_colors(painting, photograph).clamp(0, 1) for painting in paintings]
        return Prepared(photograph, matched, None)
    if config.palette == "painting" and paintings:
        blend = config.blend_weights(len(paintings))
        matched = [match_colors(photograph, painting) for painting in paintings]
        blended = torch.stack([w * m for w, m in zip(blend, matched, strict=True)]).sum(0)
        share = min(1.0, 2 * config.strength)  # a photograph at strength 0 keeps its colours
        return Prepared(torch.lerp(photograph, blended, share).clamp(0, 1), paintings, None)
    return Prepared(photograph, paintings, None)


def _match_spread(image: Tensor, reference: Tensor) -> Tensor:
    """A grey `image` with the mean and standard deviation of another one."""
    factor = reference.std() / image.std().clamp_min(1e-6)
    return ((image - image.mean()) * factor + reference.mean()).clamp(0, 1)
