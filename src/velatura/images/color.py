"""Colours of whole pictures."""

import torch
from torch import Tensor


def match_colors(image: Tensor, reference: Tensor) -> Tensor:
    """`image` recoloured so that its mean and covariance over pixels are those of `reference`.

    Both are (batch, 3, height, width). Of all linear maps that do it, this is the optimal
    transport map between Gaussians (Pitié and Kokaram 2007), which moves colours least; Gatys et
    al. 2017, section 4.1, match the same two moments. Not clamped: the match is exact.
    """
    mean, covariance = _statistics(image)
    target_mean, target_covariance = _statistics(reference)
    root = _power(covariance, 0.5)
    inverse = _power(covariance, -0.5)
    transport = inverse @ _power(root @ target_covariance @ root, 0.5) @ inverse
    return torch.einsum("cd,bdhw->bchw", transport.to(image), image - mean) + target_mean


def _statistics(image: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (1, 3, 1, 1) and covariance (3, 3) over all pixels."""
    flat = image.transpose(0, 1).flatten(1)
    return flat.mean(1).view(1, 3, 1, 1), torch.cov(flat, correction=0).cpu()


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """A power of a symmetric matrix; a grey picture's vanishing eigenvalues are kept at 1e-6."""
    eigenvalues, vectors = torch.linalg.eigh(matrix)
    return (vectors * eigenvalues.clamp_min(1e-6).pow(exponent)) @ vectors.T
