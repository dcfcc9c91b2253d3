"""Sizes and resampling."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def fit(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    """Height and width (pixels) of `size` scaled so that its longer side is `long_side`."""
    factor = long_side / max(size)
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def resize(image: "torch.Tensor", size: tuple[int, int]) -> "torch.Tensor":
    """Resample `image` (batch, channels, height, width) to `size` (height, width).

    Bicubic, antialiased when shrinking, clamped to [0, 1] because bicubic overshoots at edges.
    """
    from torch.nn import functional as F

    if tuple(image.shape[-2:]) == size:
        return image
    return F.interpolate(
        image, size=size, mode="bicubic", antialias=True, align_corners=False
    ).clamp(0, 1)
