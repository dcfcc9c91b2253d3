"""How far a picture is from its painting in style and from its photograph in content.

Measured in features that no method here optimises, before the nonlinearity, at two image scales.
Both distances are given in terms of the pair itself: style 1 is the photograph's distance, content
1 the painting's, so that 0 and 1 mean the same for every pair.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from velatura.images.color import oklab
from velatura.images.resize import gaussian_blur, resize
from velatura.perception import weights
from velatura.perception.vgg import VGG19

LAYERS = ("conv1_2", "conv2_2", "conv3_3", "conv4_3")
SCALES = (1.0, 0.5)
PROJECTIONS, QUANTILES = 256, 256
POSITIONS = 24  # a side, between which self-similarity is compared
BANDS = {"fine": (0.5, 1.0), "middle": (1.0, 2.0), "coarse": (4.0, 8.0)}
"""Differences of Gaussians (sigmas in pixels): structures of 1 to 2, 2 to 4 and 8 to 16 pixels."""

WINDOW = 32  # pixels a side, in which lightness is correlated
CELL = 16  # pixels a side, whose lightness is put in order
NOTICED = 0.05  # difference of lightness, below which there is no order
NO_EDGE = 1e-4  # of lightness, of which a grey level is 0.004: rounding
ALIKE = 0.01  # distance of photograph and painting, relative, below which they are no pair to judge


class View(NamedTuple):
    """What is compared of a picture."""

    quantiles: list[Tensor]  # per scale and layer (projections, quantiles), the colours last
    similarity: list[Tensor]  # per scale, cosine distances between positions (P, P), rows sum to 1
    edges: Tensor  # (1, 2, height, width), the gradient of lightness


class Measures:
    """Distances between pictures (1, 3, height, width) in [0, 1]."""

    def __init__(self) -> None:
        self.network = VGG19(weights.load(), LAYERS, padding="replicate")
        generator = torch.Generator().manual_seed(0)
        self.projections = {
            channels: F.normalize(torch.randn(PROJECTIONS, channels, generator=generator), dim=1)
            for channels in (3, 64, 128, 256, 512)
        }

    @torch.no_grad()
    def view(self, picture: Tensor) -> View:
        """Look at a picture once, to compare it with several."""
        quantiles, similarity = [], []
        height, width = picture.shape[-2:]
        for scale in SCALES:
            scaled = resize(picture, (round(height * scale), round(width * scale)))
            features = self.network(scaled, LAYERS)
            quantiles += [self._quantiles(features[name]) for name in LAYERS]
            similarity.append(_self_similarity(features["conv4_3"]))
        lab = oklab(picture)
        quantiles.append(self._quantiles(lab))
        return View(quantiles, similarity, _edges(lab[:, :1]))

    def style(self, picture: View, painting: View, photograph: View) -> float:
        """Sliced Wasserstein distance of features and colours to the painting's.

        Colours count as much as the two scales of a layer.
        """
        shares = [1.0] * (len(picture.quantiles) - 1) + [float(len(SCALES))]
        ratios = []
        for one, goal, start in zip(
            picture.quantiles, painting.quantiles, photograph.quantiles, strict=True
        ):
            apart = (start - goal).square().mean()
            least = ALIKE**2 * goal.square().mean()
            ratios.append(float((one - goal).square().mean() / torch.maximum(apart, least)))
        weighted = sum(share * ratio**0.5 for share, ratio in zip(shares, ratios, strict=True))
        return weighted / sum(shares)

    def content(self, picture: View, photograph: View, painting: View) -> float:
        """Difference of self-similarity (Kolkin et al. 2019, eq. 6) and of edges."""
        ratios = [
            float((one - goal).abs().mean() / max((far - goal).abs().mean(), ALIKE * goal.mean()))
            for one, goal, far in zip(
                picture.similarity, photograph.similarity, painting.similarity, strict=True
            )
        ]
        lost = _edges_lost(picture.edges, photograph.edges)
        lost_by_painting = _edges_lost(painting.edges, photograph.edges)
        return sum(ratios) / len(ratios) / 2 + lost / max(lost_by_painting, ALIKE) / 2

    def _quantiles(self, features: Tensor) -> Tensor:
        """Quantiles of each projection of features (1, C, H, W)."""
        flat = features[0].flatten(1)
        projected = (self.projections[len(flat)] @ flat).numpy()
        projected.sort(axis=1)  # thirty times as fast as torch's
        return F.interpolate(
            torch.from_numpy(projected)[None], QUANTILES, mode="linear", align_corners=True
        )[0]


def _self_similarity(features: Tensor) -> Tensor:
    """Cosine distances between positions of a grid; each row sums to 1.

    What deviates from the mean by a thousandth of it has no direction: it is as far from all.
    """
    grid = F.adaptive_avg_pool2d(features, POSITIONS)[0].flatten(1)
    mean = grid.mean(1, keepdim=True)
    unit = F.normalize(grid - mean, dim=0, eps=1e-3 * float(mean.norm()))
    distances = (1 - unit.T @ unit).clamp_min(0)
    return distances / distances.sum(1, keepdim=True)


def _edges(lightness: Tensor) -> Tensor:
    """Gradient of lightness (1, 1, height, width) at the scale of strokes' outlines."""
    smooth = F.avg_pool2d(lightness, 4, ceil_mode=True)
    across = F.pad(smooth.diff(dim=-1), (0, 1))
    down = F.pad(smooth.diff(dim=-2), (0, 0, 0, 1))
    return torch.cat([across, down], dim=1)


def _edges_lost(edges: Tensor, wanted: Tensor) -> float:
    """1 − the correlation of edge strength, wherever light and dark may have changed places.

    All are lost where there are none: edges equally strong everywhere have no place.
    """
    one, other = (tensor.norm(dim=1).flatten() for tensor in (edges, wanted))
    if min(float(one.std()), float(other.std())) < NO_EDGE:
        return 1.0
    return 1 - float(torch.corrcoef(torch.stack([one, other]))[0, 1])


def residue(picture: Tensor, photograph: Tensor) -> dict[str, float]:
    """How much of the photograph's own drawing is left, by the size of what is drawn.

    For each of BANDS the correlation of both lightnesses in windows, each counting by the
    photograph's contrast in it. About 1 for a recoloured photograph, 0 for an unrelated picture.
    """
    found = {}
    for name, sigmas in BANDS.items():
        ours, theirs = (_windows(image, sigmas) for image in (picture, photograph))
        correlation = (ours * theirs).sum(0) / (ours.norm(dim=0) * theirs.norm(dim=0) + 1e-6)
        contrast = theirs.norm(dim=0)
        found[name] = float((correlation * contrast).sum() / contrast.sum())
    return found


def legibility(picture: Tensor, photograph: Tensor) -> float:
    """Whether the photograph's things can be told apart in the picture, 1 as well as there.

    The mean of two agreements: of edges, and of which of two near places is the lighter one, each
    pair of places counting by how much the photograph's differ. An unrelated picture has about 0.
    """
    ours, theirs = (oklab(image)[:, :1] for image in (picture, photograph))
    edges = 1 - _edges_lost(_edges(ours), _edges(theirs))
    agree, count = 0.0, 0.0
    one, other = (F.avg_pool2d(lightness, CELL, ceil_mode=True) for lightness in (ours, theirs))
    for distance in (1, 2, 3):
        for axis in (-1, -2):
            length = one.shape[axis] - distance
            if length < 1:
                continue
            ours, theirs = (
                cells.narrow(axis, distance, length) - cells.narrow(axis, 0, length)
                for cells in (one, other)
            )
            weight = theirs.abs() * (theirs.abs() > NOTICED)
            agree += float((weight * (ours * theirs).sign()).sum())
            count += float(weight.sum())
    return (edges + agree / max(count, 1e-6)) / 2


def _windows(image: Tensor, sigmas: tuple[float, float]) -> Tensor:
    """A band of lightness in windows, centred, (WINDOW², windows)."""
    lightness = oklab(image)[:, :1]
    fine, coarse = (gaussian_blur(lightness, sigma) for sigma in sigmas)
    height, width = (side // WINDOW * WINDOW for side in lightness.shape[-2:])
    windows = F.unfold((fine - coarse)[..., :height, :width], WINDOW, stride=WINDOW)[0]
    return windows - windows.mean(0)
