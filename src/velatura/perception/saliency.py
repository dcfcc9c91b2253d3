"""Where a photograph shows things."""

import math

import torch
from torch import Tensor

from velatura.images.resize import fit, resize
from velatura.perception.vgg import VGG19

LONG_SIDE = 512  # pixels; the network knows faces and things by this size
SHORT_SIDE = 16  # the least that has a position at the deepest layers


@torch.no_grad()
def saliency(network: VGG19, photograph: Tensor, layer: str) -> Tensor:
    """How much there is to see in each place of a photograph, 1 on average.

    The length of the features at `layer` (Zagoruyko and Komodakis 2017, section 3.1): at relu5_1
    some three times the mean on a face, a quarter of it in an empty sky. `photograph` is (1, 3,
    height, width) of at least 16 pixels a side, and is looked at with 512 on its long side at most
    if it is not as narrow as to need more; what comes back is (1, 1, height / stride, width /
    stride) of that. `network` sees at least `layer`.
    """
    height, width = photograph.shape[-2:]
    long, short = max(height, width), min(height, width)
    at_most = max(LONG_SIDE, math.ceil(SHORT_SIDE * long / short))
    seen = resize(photograph, fit((height, width), min(at_most, long)))
    length = network(seen, [layer])[layer].float().square().sum(1, keepdim=True).sqrt()
    tiny = torch.finfo(length.dtype).tiny
    return (length + tiny) / (length.mean() + tiny)
