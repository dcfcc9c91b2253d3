"""Whose colours the picture gets: what is done to photograph and paintings before, and after."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

import torch
from torch import Tensor

from velatura.images.color import gray, match_colors
from velatura.images.resize import resize
from velatura.painting.config import StyleConfig


class Prepared(NamedTuple):
    """Images (1, 3, any height, any width) as the engine is to see them."""

    photograph: Tensor
    paintings: list[Tensor]
    colors: Tensor | None  # whose hue and chroma the finished picture takes


def prepare(
    photograph: Tensor,
    paintings: list[Tensor],
    config: StyleConfig,
    masks: Sequence[Tensor] = (),
    style_masks: Sequence[Tensor] = (),
    alpha: Tensor | None = None,
) -> Prepared:
    """Recolour the images as `config.colors` and `config.palette` ask.

    `content-luminance` paints with lightness alone, the paintings' brought to the photograph's
    mean and spread; `content-match` gives the paintings the photograph's colours (Gatys et al.
    2017, sections 4.2 and 4.1). Otherwise the photograph begins in the paintings' colours, blended
    as they are or each where its mask (1, 1, height, width) is: the style loss alone moves colours
    slowly, and the content loss resists. Only what a painting's style mask shows counts, and of the
    photograph what its `alpha` does, both (1, 1, any height, any width).
    """
    looked_at = [
        None if mask is None else resize(mask, (painting.shape[-2], painting.shape[-1]))
        for painting, mask in zip_longest(paintings, style_masks)
    ]
    if config.colors == "content-luminance":
        colorless = gray(photograph)
        matched = [
            _match_spread(gray(painting), colorless, weights, alpha)
            for painting, weights in zip(paintings, looked_at, strict=True)
        ]
        return Prepared(colorless, matched, photograph)
    if config.colors == "content-match":
        matched = [
            match_colors(painting, photograph, weights, alpha).clamp(0, 1)
            for painting, weights in zip(paintings, looked_at, strict=True)
        ]
        return Prepared(photograph, matched, None)
    if config.palette == "painting" and paintings:
        matched = [
            match_colors(photograph, painting, alpha, weights)
            for painting, weights in zip(paintings, looked_at, strict=True)
        ]
        blended = _blended(photograph, matched, config, masks)
        share = min(1.0, 2 * config.strength)  # a photograph at strength 0 keeps its colours
        return Prepared(torch.lerp(photograph, blended, share).clamp(0, 1), paintings, None)
    return Prepared(photograph, paintings, None)


def _blended(
    photograph: Tensor, matched: list[Tensor], config: StyleConfig, masks: Sequence[Tensor]
) -> Tensor:
    """The photograph in each painting's colours (`matched`) where its mask is.

    Without masks all go everywhere.
    """
    size = (photograph.shape[-2], photograph.shape[-1])
    everywhere = [torch.ones_like(photograph[:, :1])] * len(matched)
    places = torch.stack([resize(mask, size) for mask in masks] or everywhere)
    weights = [
        w * place for w, place in zip(config.blend_weights(len(matched)), places, strict=True)
    ]
    total = torch.stack(weights).sum(0).clamp_min(1e-6)
    blended = torch.stack([w / total * m for w, m in zip(weights, matched, strict=True)]).sum(0)
    return torch.lerp(photograph, blended, places.sum(0).clamp(max=1))


def _match_spread(
    image: Tensor, reference: Tensor, weights: Tensor | None, reference_weights: Tensor | None
) -> Tensor:
    """A grey `image` with the mean and standard deviation of another one.

    Of less than a grey level's deviation no contrast is made.
    """
    deviation, mean = _spread(image, weights)
    wanted_deviation, wanted_mean = _spread(reference, reference_weights)
    factor = wanted_deviation / deviation.clamp_min(1 / 255)
    return ((image - mean) * factor + wanted_mean).clamp(0, 1)


def _spread(image: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Standard deviation and mean over pixels."""
    if weights is None:
        return image.std(), image.mean()
    weights = weights / weights.mean()
    mean = (image * weights).mean()
    return ((image - mean).square() * weights).mean().sqrt(), mean
