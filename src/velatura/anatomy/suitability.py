"""What a style loss can hold of a painting: measures, and the pictures that show them."""

from typing import NamedTuple

import torch
from torch import Tensor

from velatura.anatomy.alone import Watch, texture
from velatura.images.color import oklab
from velatura.images.resize import fit, resize
from velatura.perception import losses
from velatura.perception.vgg import VGG19

SIZE = 256  # pixels, the long side at which a painting is measured
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
HELD_OUT_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")  # that no texture is made from
STEPS = (40, 30)


class Suitability(NamedTuple):
    """Measures of a painting; distances are squared Wasserstein ones, relative to the painting."""

    unevenness: float
    """How far the statistics of its quarters are from those of the whole; 0 for a pure texture."""

    structure: dict[str, float]
    """Per layer how far it is from its surrogate: what it has beyond its spectrum."""

    kept: float
    """Of the distance to its surrogate, what a texture made from its statistics closes, 0 to 1."""

    chroma: float
    """Mean chroma in Oklab: 0 for grey, about 0.1 for a colourful painting."""

    lightness: float
    """Standard deviation of lightness in Oklab."""

    texture: Tensor  # (1, 3, height, width)
    surrogate: Tensor  # likewise

    @property
    def scale(self) -> str:
        """The layer at which it differs most from its surrogate."""
        return max(self.structure, key=lambda name: self.structure[name])


def measure(network: VGG19, painting: Tensor, watch: Watch = lambda step: None) -> Suitability:
    """Measure a painting (1, 3, height, width).

    `network` sees STYLE_LAYERS and HELD_OUT_LAYERS; `watch` is shown the steps of the texture.
    """
    size = (painting.shape[-2], painting.shape[-1])
    painting = resize(painting, fit(size, min(SIZE, max(size))))
    height, width = painting.shape[-2] // 2, painting.shape[-1] // 2
    quarters = [
        painting[..., top : top + height, left : left + width]
        for top in (0, painting.shape[-2] - height)
        for left in (0, painting.shape[-1] - width)
    ]
    size = (painting.shape[-2], painting.shape[-1])
    alike = texture(painting, size, watch, steps=STEPS)
    surrogate = random_phases(painting, torch.Generator().manual_seed(0))
    unevenness = sum(
        sum(_distances(network, quarter, painting, STYLE_LAYERS[:4]).values())
        for quarter in quarters
    ) / (4 * len(quarters))
    held_out = [
        sum(_distances(network, image, painting, HELD_OUT_LAYERS).values())
        for image in (alike, surrogate)
    ]
    lab = oklab(painting)
    return Suitability(
        unevenness,
        _distances(network, surrogate, painting, STYLE_LAYERS),
        1 - held_out[0] / max(held_out[1], 1e-9),
        float(lab[:, 1:].norm(dim=1).mean()),
        float(lab[:, 0].std()),
        alike,
        surrogate,
    )


def random_phases(image: Tensor, generator: torch.Generator) -> Tensor:
    """`image` (1, 3, height, width) with its spectrum and colour correlations, and no structure.

    All channels' phases are moved by the same random field (Galerne, Gousseau and Morel 2011).
    """
    noise = torch.rand(image.shape[-2:], generator=generator).to(image)
    spectrum = torch.fft.rfft2(noise - noise.mean())
    phase = spectrum / spectrum.abs().clamp_min(1e-12)
    phase[0, 0] = 1
    size = (image.shape[-2], image.shape[-1])
    return torch.fft.irfft2(torch.fft.rfft2(image) * phase, s=size).clamp(0, 1)


def _distances(
    network: VGG19, image: Tensor, painting: Tensor, layers: tuple[str, ...]
) -> dict[str, float]:
    """Per layer the Wasserstein distance of `image` to `painting`."""
    with torch.no_grad():
        moments = [
            {
                name: (losses.moments(f) / f[0, 0].numel()).double()
                for name, f in network(picture, layers).items()
            }
            for picture in (image, painting)
        ]
    return {
        name: float(
            losses.wasserstein(moments[0][name], losses.moments_root(moments[1][name])).value
        )
        for name in layers
    }
