"""Whose colours the picture gets: what is done to photograph and paintings before, and after."""

from collections.abc import Sequence
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
    photograph: Tensor, paintings: list[Tensor], config: StyleConfig, masks: Sequence[Tensor] = ()
) -> Prepared:
    """Recolour the images as `config.colors` and `config.palette` ask.

    `content-luminance` paints with lightness alone, the paintings' brought to the photograph's
    mean and spread; `content-match` gives the paintings the photograph's colours (Gatys et al.
    2017, sections 4.2 and 4.1). Otherwise the photograph begins in the paintings' colours, blended
    as they are or each where its mask (1, 1, height, width) is: the style loss alone moves colours
    slowly, and the content loss resists.
    """
    if config.colors == "content-luminance":
        colorless = gray(photograph)
        matched = [_match_spread(gray(painting), colorless) for painting in paintings]
        return Prepared(colorless, matched, photograph)
    if config.colors == "content-match":
        matched = [match_colors(painting, photograph).clamp(0, 1) for painting in paintings]
        return Prepared(photograph, matched, None)
    if config.palette == "painting" and paintings:
        blended = _in_their_colors(photograph, paintings, config, masks)
        share = min(1.0, 2 * config.strength)  # a photograph at strength 0 keeps its colours
        return Prepared(torch.lerp(photograph, blended, share).clamp(0, 1), paintings, None)
    return Prepared(photograph, paintings, None)


def _in_their_colors(
    photograph: Tensor, paintings: list[Tensor], config: StyleConfig, masks: Sequence[Tensor]
) -> Tensor:
    """The photograph in each painting's mean colour and spread where its mask is.

    The map is that of the whole photograph to the whole painting. Without masks all go everywhere.
    """
    size = (photograph.shape[-2], photograph.shape[-1])
    everywhere = [torch.ones_like(photograph[:, :1])] * len(paintings)
    places = torch.stack([resize(mask, size) for mask in masks] or everywhere)
    weights = [
        w * place for w, place in zip(config.blend_weights(len(paintings)), places, strict=True)
    ]
    total = torch.stack(weights).sum(0).clamp_min(1e-6)
    matched = [match_colors(photograph, painting) for painting in paintings]
    blended = torch.stack([w / total * m for w, m in zip(weights, matched, strict=True)]).sum(0)
    return torch.lerp(photograph, blended, places.sum(0).clamp(max=1))


def _match_spread(image: Tensor, reference: Tensor) -> Tensor:
    """A grey `image` with the mean and standard deviation of another one.

    Of less than a grey level's deviation no contrast is made.
    """
    factor = reference.std() / image.std().clamp_min(1 / 255)
    return ((image - image.mean()) * factor + reference.mean()).clamp(0, 1)
