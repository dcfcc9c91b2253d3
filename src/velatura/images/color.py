"""Colours of whole pictures."""

import torch
from torch import Tensor

# Oklab's matrices (B. Ottosson, "A perceptual color space for image processing", 2020).
TO_CONES = torch.tensor(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=torch.float64,
)
TO_LAB = torch.tensor(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=torch.float64,
)


def match_colors(
    image: Tensor,
    reference: Tensor,
    weights: Tensor | None = None,
    reference_weights: Tensor | None = None,
) -> Tensor:
    """`image` recoloured so that its mean and covariance over pixels are those of `reference`.

    Both are (batch, 3, height, width), their pixels' weights (batch, 1, height, width): what is
    transparent weighs nothing, and all pixels alike where none are given. Of all linear maps that
    do it, this is the optimal transport map between Gaussians (Pitié and Kokaram 2007), which moves
    colours least; Gatys et al. 2017, section 4.1, match the same two moments. Not clamped: the
    match is exact.
    """
    mean, covariance = _statistics(image, weights)
    target_mean, target_covariance = _statistics(reference, reference_weights)
    root = _power(covariance, 0.5)
    inverse = _power(covariance, -0.5)
    transport = inverse @ _power(root @ target_covariance @ root, 0.5) @ inverse
    return torch.einsum("cd,bdhw->bchw", transport.to(image), image - mean) + target_mean


def gray(image: Tensor) -> Tensor:
    """`image` (batch, 3, height, width) with its lightness and no colour."""
    lab = oklab(image)
    lab[:, 1:] = 0
    return from_oklab(lab).clamp(0, 1)


def with_lightness(image: Tensor, painted: Tensor) -> Tensor:
    """`image` with the lightness of `painted` and its own colour, all (batch, 3, height, width).

    Where no such colour exists in sRGB, the lightness goes back towards the image's own as far as
    it must: hue and chroma are the image's everywhere (luminance-only transfer, Gatys et al. 2017,
    section 4.2, in Oklab in place of YIQ).
    """
    lab = oklab(image)
    own, wanted = lab[:, :1], oklab(painted)[:, :1]
    nearest, farthest = torch.zeros_like(own), torch.ones_like(own)  # 0 own, 1 wanted
    share = farthest
    for _ in range(12):
        tried = from_oklab(torch.cat([torch.lerp(own, wanted, share), lab[:, 1:]], dim=1))
        inside = ((tried > -1e-4) & (tried < 1 + 1e-4)).all(dim=1, keepdim=True)
        nearest = torch.where(inside, share, nearest)
        farthest = torch.where(inside, farthest, share)
        share = torch.where(nearest == 1, nearest, (nearest + farthest) / 2)
    lab[:, :1] = torch.lerp(own, wanted, nearest)
    return from_oklab(lab).clamp(0, 1)


def oklab(image: Tensor) -> Tensor:
    """Lightness, green to red, blue to yellow of sRGB in [0, 1], all (batch, 3, height, width)."""
    linear = torch.where(
        image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055).clamp_min(0) ** 2.4
    )
    cones = _mix(TO_CONES, linear)
    return _mix(TO_LAB, cones.sign() * cones.abs() ** (1 / 3))


def from_oklab(lab: Tensor) -> Tensor:
    """The inverse of `oklab`; outside [0, 1] where sRGB has no such colour."""
    cones = _mix(torch.linalg.inv(TO_LAB), lab) ** 3
    linear = _mix(torch.linalg.inv(TO_CONES), cones)
    curved = 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, linear * 12.92, curved)


def _mix(matrix: Tensor, image: Tensor) -> Tensor:
    return torch.einsum("cd,bdhw->bchw", matrix.to(image), image)


def _statistics(image: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Mean (1, 3, 1, 1) and covariance (3, 3) over pixels."""
    flat = image.transpose(0, 1).flatten(1)
    if weights is None:
        return flat.mean(1).view(1, 3, 1, 1), torch.cov(flat, correction=0).cpu()
    each = weights.to(flat).flatten()
    mean = (flat * each).sum(1) / each.sum()
    return mean.view(1, 3, 1, 1), torch.cov(flat, correction=0, aweights=each).cpu()


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """A power of a symmetric matrix; a grey picture's vanishing eigenvalues are kept at 1e-6."""
    eigenvalues, vectors = torch.linalg.eigh(matrix)
    return (vectors * eigenvalues.clamp_min(1e-6).pow(exponent)) @ vectors.T
