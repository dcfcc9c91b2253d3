"""A picture from one loss alone: what content knows, or what style knows."""

from collections.abc import Callable
from typing import Any, TypeAlias

from torch import Tensor

from velatura.painting.config import StyleConfig
from velatura.painting.engine import Step, transfer
from velatura.painting.recipes import CONTENT_ONLY, STYLE_ONLY

OnStep: TypeAlias = Callable[[Step], None]


def reconstruction(photograph: Tensor, on_step: OnStep, **options: Any) -> Tensor:
    """What the content layers know of `photograph` (1, 3, height, width), found from noise."""
    return _paint(photograph, [], CONTENT_ONLY | options, on_step)


def texture(painting: Tensor, size: tuple[int, int], on_step: OnStep, **options: Any) -> Tensor:
    """A picture of `size` (height, width) with the statistics of `painting`, found from noise."""
    return _paint(painting.new_full((1, 3, *size), 0.5), [painting], STYLE_ONLY | options, on_step)


def _paint(
    photograph: Tensor, paintings: list[Tensor], options: dict[str, Any], on_step: OnStep
) -> Tensor:
    config = StyleConfig.from_dict({"size": max(photograph.shape[-2:])} | options)
    for step in transfer(photograph, paintings, config):
        on_step(step)
    return step.image
