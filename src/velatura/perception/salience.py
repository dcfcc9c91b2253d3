"""Where a photograph shows things."""

import torch
from torch import Tensor

from velatura.images.resize import fit, resize
from velatura.perception.vgg import VGG19

LONG_SIDE = 512  # pixels; the network knows faces and things by this size


@torch.no_grad()
def salience(network: VGG19, photograph: Tensor, layer: str = "relu5_1") -> Tensor:
    """How much there is to see in each place of a photograph, 1 on average.

    The length of the features at `layer` (Zagoruyko and Komodakis 2017, section 3.1): at relu5_1
    some three times the mean on a face, a quarter of it in an empty sky. `photograph` is (1, 3,
    height, width), and is looked at with 512 pixels on its long side at most; what comes back is
    (1, 1, height / stride, width / stride) of that. `network` sees at least `layer`.
    """
    height, width = photograph.shape[-2:]
    seen = resize(photograph, fit((height, width), min(LONG_SIDE, max(height, width))))
    features = network(seen, [layer])[layer].float()
    length = features.square().sum(1, keepdim=True).sqrt()
    return length / length.mean().clamp_min(torch.finfo(length.dtype).tiny)
