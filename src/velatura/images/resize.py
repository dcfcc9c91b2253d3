"""Sizes and resampling."""

import math
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


def gaussian_blur(image: "torch.Tensor", sigma: float) -> "torch.Tensor":
    """`image` (batch, channels, height, width) under a Gaussian of `sigma` pixels.

    What lies beyond the borders is like them.
    """
    import torch
    from torch.nn import functional as F

    radius = max(1, math.ceil(3 * sigma))
    offsets = torch.arange(-radius, radius + 1, device=image.device)
    kernel = torch.exp(-0.5 * (offsets / max(sigma, 1e-3)).square())
    kernel = kernel / kernel.sum()
    channels = image.shape[1]
    padded = F.pad(image, (radius,) * 4, mode="replicate")
    across = F.conv2d(padded, kernel.expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(across, kernel[:, None].expand(channels, 1, -1, 1), groups=channels)
