"""Parts of the loss that are computed from the picture itself, not from features."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from velatura.painting.terms import Region, Terms
from velatura.perception import losses
from velatura.perception.palette import Palette, distance

COLORS = "style colors"  # the name of their term


class ImageTerm(Protocol):
    """A part of the loss that looks at the picture."""

    def __call__(self, image: Tensor) -> tuple[Terms, Tensor]:
        """Weighted losses of `image` (1, 3, height, width), and the gradient of their sum."""


class Colors:
    """The distance of each region's colours to its styles'."""

    def __init__(self, weight: float, regions: Sequence[Region], palettes: Sequence[Palette]):
        self.weight, self.regions, self.palettes = weight, regions, palettes

    def __call__(self, image: Tensor) -> tuple[Terms, Tensor]:
        """As ImageTerm has it."""
        total, gradient = image.new_zeros(()), torch.zeros_like(image)
        for region in self.regions:
            for number, share in region.shares[COLORS].items():
                value, push = distance(image, self.palettes[number], region.place)
                total = total + self.weight * share * value
                gradient += self.weight * share * push
        return {COLORS: total}, gradient


class TotalVariation:
    """Differences of neighbouring pixels (`losses.total_variation`)."""

    def __init__(self, weight: float):
        self.weight = weight

    def __call__(self, image: Tensor) -> tuple[Terms, Tensor]:
        """As ImageTerm has it."""
        loss = losses.total_variation(image)
        return {"tv": self.weight * loss.value}, self.weight * loss.gradient


class Earlier(NamedTuple):
    """What earlier frames of a film say of a picture (`losses.temporal`)."""

    image: Tensor  # (1, 3, height, width), carried along the flow
    weights: Tensor  # (1, 1, height, width) in [0, 1]: how far that holds
    weight: float  # of the temporal loss

    def __call__(self, image: Tensor) -> tuple[Terms, Tensor]:
        """As ImageTerm has it."""
        loss = losses.temporal(image, self.image, self.weights)
        return {"temporal": self.weight * loss.value}, self.weight * loss.gradient
