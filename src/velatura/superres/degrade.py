"""How small pictures are made of sharp ones, to learn the way back."""

import io
import math

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from velatura.images.io import read, to_pil

REACH = 2  # pixels of the small picture that bicubic shrinking sees beyond


def shrink(picture: Tensor, scale: int) -> Tensor:
    """`picture` (batch, 3, height, width) `scale` times smaller; both sides are multiples of it.

    As MATLAB's `imresize` does, by which the field measures: bicubic (Keys 1981, a = −½), wide
    enough not to alias, and the picture mirrored at its borders. Not clamped.
    """
    margin = REACH * scale
    height, width = picture.shape[-2:]
    rows, columns = (_mirrored(side, margin).to(picture.device) for side in (height, width))
    wide = picture[..., rows, :][..., columns]
    size = (height // scale + 2 * REACH, width // scale + 2 * REACH)
    small = F.interpolate(wide, size=size, mode="bicubic", antialias=True)
    return small[..., REACH:-REACH, REACH:-REACH]


def blur(picture: Tensor, sigma: float) -> Tensor:
    """`picture` under a Gaussian of `sigma` pixels, mirrored at its borders."""
    reach = min(math.ceil(3 * sigma), picture.shape[-1] - 1, picture.shape[-2] - 1)
    if reach == 0:
        return picture
    distance = torch.arange(-reach, reach + 1).to(picture)
    bell = torch.exp(-distance.square() / (2 * sigma**2))
    bell = (bell / bell.sum()).repeat(3, 1, 1, 1)
    across = F.conv2d(F.pad(picture, (reach, reach, 0, 0), mode="reflect"), bell, groups=3)
    down = F.pad(across, (0, 0, reach, reach), mode="reflect")
    return F.conv2d(down, bell.transpose(-1, -2), groups=3)


def compressed(picture: Tensor, quality: int) -> Tensor:
    """`picture` (1, 3, height, width) after a JPEG of `quality`."""
    file = io.BytesIO()
    to_pil(picture).save(file, "JPEG", quality=quality)
    return read(Image.open(file)).pixels.to(picture)


def _mirrored(side: int, margin: int) -> Tensor:
    """Indices from −margin to side + margin, mirrored at the borders, which are told twice."""
    position = torch.arange(-margin, side + margin) % (2 * side)
    return torch.where(position < side, position, 2 * side - 1 - position)
