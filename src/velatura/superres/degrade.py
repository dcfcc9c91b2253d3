"""How small pictures are made of sharp ones, to learn the way back."""

import io

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


def compressed(picture: Tensor, quality: int) -> Tensor:
    """`picture` (1, 3, height, width) after a JPEG of `quality`."""
    file = io.BytesIO()
    to_pil(picture).save(file, "JPEG", quality=quality)
    return read(Image.open(file)).pixels.to(picture)


def _mirrored(side: int, margin: int) -> Tensor:
    """Indices from −margin to side + margin, mirrored at the borders, which are told twice."""
    position = torch.arange(-margin, side + margin) % (2 * side)
    return torch.where(position < side, position, 2 * side - 1 - position)
