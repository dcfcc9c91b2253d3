"""What a style loss can hold of a painting: measures, and the pictures that show them."""

from typing import NamedTuple

import torch
from torch import Tensor

from velatura.anatomy.alone import OnStep, texture
from velatura.images.color import oklab
from velatura.images.resize import resize
from velatura.perception import losses
from velatura.perception.vgg import VGG19

SIZE = 256  # pixels a side of the square whose area a painting is measured at
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
HELD_OUT_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")  # that no texture is made from
STEPS = (40, 30)
NO_DISTANCE = 0.01  # over four layers, relative: less is rounding and the size of the sample


class Suitability(NamedTuple):
    """Measures of a painting; distances are squared Wasserstein ones, relative to the painting."""

    variety: float
    """How many different things the deepest style layer sees in it (`variety`)."""

    unevenness: float
    """How far the statistics of its quarters are from those of the whole; 0 for a pure texture."""

    structure: dict[str, float]
    """Per layer how far it is from its surrogate: what it has beyond its spectrum."""

    kept: float
    """Of the distance to its surrogate, what a texture made from its statistics closes, 0 to 1.

    0 for a painting that does not differ from its surrogate, as one of one colour.
    """

    chroma: float
    """Mean chroma in Oklab: 0 for grey, about 0.1 for a colourful painting."""

    lightness: float
    """Standard deviation of lightness in Oklab."""

    texture: Tensor  # (1, 3, height, width)
    surrogate: Tensor  # likewise

    def figures(self) -> dict[str, float]:
        """Its numbers by name, those of a layer as `structure relu1_1`."""
        alone = ("variety", "unevenness", "kept", "chroma", "lightness")
        layers = {f"structure {name}": value for name, value in self.structure.items()}
        return {name: getattr(self, name) for name in alone} | layers

    @property
    def scale(self) -> str:
        """The layer at which it differs most from its surrogate."""
        return max(self.structure, key=lambda name: self.structure[name])


def measure(network: VGG19, painting: Tensor, on_step: OnStep = lambda step: None) -> Suitability:
    """Measure a painting (1, 3, height, width).

    `network` sees STYLE_LAYERS and HELD_OUT_LAYERS; `on_step` is shown the steps of the texture.
    """
    size = (painting.shape[-2], painting.shape[-1])
    factor = SIZE / (size[0] * size[1]) ** 0.5
    size = (max(32, round(size[0] * factor)), max(32, round(size[1] * factor)))
    painting = resize(painting, size)
    height, width = painting.shape[-2] // 2, painting.shape[-1] // 2
    quarters = [
        painting[..., top : top + height, left : left + width]
        for top in (0, painting.shape[-2] - height)
        for left in (0, painting.shape[-1] - width)
    ]
    alike = texture(painting, size, on_step, steps=STEPS, color_weight=0.0)
    surrogate = random_phases(painting, torch.Generator().manual_seed(0))
    moments = _moments(network, painting, STYLE_LAYERS + HELD_OUT_LAYERS)
    roots = {name: losses.moments_root(moment) for name, moment in moments.items()}
    unevenness = sum(
        sum(_distances(network, quarter, roots, STYLE_LAYERS[:4]).values()) for quarter in quarters
    ) / (4 * len(quarters))
    held_out = [
        sum(_distances(network, image, roots, HELD_OUT_LAYERS).values())
        for image in (alike, surrogate)
    ]
    lab = oklab(painting)
    return Suitability(
        variety(moments[STYLE_LAYERS[-1]]),
        unevenness,
        _distances(network, surrogate, roots, STYLE_LAYERS),
        max(0.0, 1 - held_out[0] / max(held_out[1], NO_DISTANCE)),
        float(lab[:, 1:].norm(dim=1).mean()),
        float(lab[:, 0].std()),
        alike,
        surrogate,
    )


def variety(moment: Tensor) -> float:
    """How many directions share the second moments M (C, C) of a layer: their effective rank.

    exp(−Σ pᵢ ln pᵢ) with pᵢ = λᵢ / tr M, the eigenvalues' shares (Roy and Vetterli 2007): 1 if all
    positions see the same thing, n if they see n things that have nothing in common, each as often.
    """
    shares = torch.linalg.eigvalsh(moment.double()).clamp_min(0)
    shares = shares / shares.sum().clamp_min(losses.SMALLEST)
    return float(torch.special.entr(shares).sum().exp())


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


def _moments(network: VGG19, image: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
    with torch.no_grad():
        features = network(image, layers)
    return {name: (losses.moments(f) / f[0, 0].numel()).double() for name, f in features.items()}


def _distances(
    network: VGG19, image: Tensor, roots: dict[str, Tensor], layers: tuple[str, ...]
) -> dict[str, float]:
    """Per layer the Wasserstein distance of `image` to the painting whose `roots` they are."""
    return {
        name: max(0.0, float(losses.wasserstein(moment, roots[name]).value))
        for name, moment in _moments(network, image, layers).items()
    }
