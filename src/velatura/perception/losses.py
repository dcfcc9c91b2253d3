r"""Content, style and smoothness, each with its gradient in closed form.

Every function returns `(value, gradient)`. Style losses look at a layer only through its
second moments, so that a picture may be visited whole, in tiles or in batches: add up the
moments, ask the loss for its derivative with respect to them, and send each position its share
with `through_moments`.

Notation: a layer's features are F with C channels and N positions, its moments
M = F Fᵀ / divisor, and the painting's moments are M*.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from velatura.perception import polar

SMALLEST = 1e-30  # in place of zero under a fraction whose numerator is then zero as well

NOISE = 1e-6  # eigenvalues below this part of the largest are rounding errors of float32 sums


class Loss(NamedTuple):
    """A loss and its derivative with respect to the loss function's first argument."""

    value: Tensor  # ()
    gradient: Tensor  # like the first argument


def moments(
    features: Tensor, dtype: torch.dtype | None = None, weights: Tensor | None = None
) -> Tensor:
    """Gram matrix F Fᵀ (Gatys et al. 2016, eq. 3), not yet divided by anything.

    `features` (batch, C, H, W) gives (C, C): the batch counts as more positions. The product is
    taken in `dtype`, by default `moments_dtype`'s. With `weights` (batch, 1, H, W) in [0, 1] it is
    F diag(w) Fᵀ, the guided Gram matrix of Gatys et al. 2017, section 5.1, whose guide is √w.
    """
    flat = features.permute(0, 2, 3, 1).flatten(0, 2)  # (N, C), a view where channels come last
    positions, channels = flat.shape
    dtype = dtype or moments_dtype(channels, positions, features.device)
    total = flat.new_zeros((channels, channels), dtype=dtype)
    # On a CPU a float32 copy of all positions at once would not stay in its cache.
    at_once = 4096 if features.device.type == "cpu" else max(1, positions)
    for start in range(0, positions, at_once):
        part = flat[start : start + at_once].to(dtype)
        weighted = part
        if weights is not None:
            weighted = part * weights.reshape(-1, 1)[start : start + at_once]
        total.addmm_(part.T, weighted)
    return total


def moments_dtype(channels: int, positions: int, device: torch.device) -> torch.dtype:
    """What moments are summed in: float32 whatever the features are, as float16 overflows.

    Where there are few positions, float64: the matrix may then be singular, and roots of the
    rounding errors that stand for its zeros would be a thousandth of the roots that count.
    """
    few = positions <= 2 * channels and device.type != "mps"  # it has no float64
    return torch.float64 if few else torch.float32


def moments_divisor(channels: int, positions: float, normalization: str) -> float:
    """What Gram matrices are divided by.

    `positions` N, `elements` C·N, `root-elements` √(C·N), which divides squares of Gram matrices
    by C·N, or `none` 1.
    """
    elements = channels * positions
    return {
        "positions": positions,
        "elements": elements,
        "root-elements": elements**0.5,
        "none": 1,
    }[normalization]


def through_moments(features: Tensor, derivative: Tensor, weights: Tensor | None = None) -> Tensor:
    """Gradient at the features of a loss whose `derivative` at F diag(w) Fᵀ is symmetric.

    ∂L/∂F = 2 D F diag(w), with `derivative` D (C, C); the shape of `features` comes back.
    """
    matrix = (2 * derivative).to(features.dtype)
    gradient = (features.permute(0, 2, 3, 1) @ matrix).permute(0, 3, 1, 2)
    return gradient if weights is None else gradient * weights.to(gradient.dtype)


def gram(moment: Tensor, target: Tensor) -> Loss:
    """Mean squared difference of Gram matrices, both (C, C) (Gatys et al. 2016, eq. 4).

    The paper's 1/(4 N² M²) belongs to unnormalised Gram matrices; here the mean over the C²
    entries takes its place, and the matrices' own divisor is chosen apart (`moments_divisor`).
    """
    difference = moment - target
    return Loss(difference.square().mean(), difference * (2 / difference.numel()))


def moments_root(target: Tensor) -> Tensor:
    """A root R (C, rank) of the painting's moments, R Rᵀ = M*.

    A small painting has fewer positions than a deep layer has channels: directions that it lacks
    are left out.
    """
    eigenvalues, vectors = _eigh(target)
    eigenvalues = eigenvalues.clamp_min(0)
    kept = eigenvalues >= NOISE * eigenvalues[-1]
    return vectors[:, kept] * eigenvalues[kept].sqrt()


def wasserstein(moment: Tensor, root: Tensor, damping: float = 1e-3) -> Loss:
    r"""Squared Wasserstein-2 (Bures) distance between second moments, relative to the target's.

    For centred Gaussians with covariances M and M* = R Rᵀ (Dowson and Landau 1982):
    d² = tr M + tr M* − 2 tr (Rᵀ M R)^½, with derivative I − T at M, where the optimal transport
    map is T = R (Rᵀ M R)^−½ Rᵀ. Both are divided by tr M*. As features are not centred, second
    moments stand where covariances do, as in the Gram loss.

    `moment` is (C, C), `root` (C, rank) from `moments_root`. Inverse roots are damped by
    `damping` times the largest root, so that directions the picture lacks do not explode; where it
    has nothing but rounding errors, by as much as if it had these. A target of zeros, as of a mask
    that is narrower than a layer's positions, asks for nothing.
    """
    root = root.to(moment.dtype)
    size = root.square().sum()  # tr M*
    roots, inverse = inverse_root(root.T @ moment @ root, damping, damping * NOISE**0.5 * size)
    scale = _unless_zero(size)
    value = (moment.trace() + size - 2 * roots) / scale
    identity = torch.eye(len(moment), dtype=moment.dtype, device=moment.device)
    return Loss(value, (identity - root @ inverse @ root.T) / scale)


def wasserstein_of_few(
    features: Tensor, root: Tensor, divisor: float, damping: float = 1e-3
) -> Loss:
    """`wasserstein` of M = F Fᵀ / divisor for features (C, N) of few positions; gradient at F.

    With A = Rᵀ F / √divisor the roots are A's singular values and T F = R Rᵀ F (Aᵀ A)^−½, so that
    what is decomposed is N × N or rank × rank, whichever is smaller, and nothing is C × C.
    """
    # The roots of rounding errors in products of float32 would be a thousandth of those that count.
    wide = features.dtype if features.device.type == "mps" else torch.float64
    features, root = features.to(wide), root.to(wide)
    carried = root.T @ features  # (rank, N)
    size = root.square().sum()
    tall = len(carried) < carried.shape[1]
    product = (carried @ carried.T if tall else carried.T @ carried) / divisor
    roots, inverse = inverse_root(product, damping, damping * NOISE**0.5 * size)
    transported = root @ (inverse @ carried if tall else carried @ inverse)
    scale = _unless_zero(size)
    value = (features.square().sum() / divisor + size - 2 * roots) / scale
    return Loss(value, (features - transported) * (2 / divisor) / scale)


def inverse_root(
    matrix: Tensor, damping: float, least: Tensor, multiply: bool | None = None
) -> tuple[Tensor, Tensor]:
    """The trace of the root of a symmetric positive semidefinite matrix, and its inverse root.

    The inverse of each eigenvalue σ of the root is 1 / (σ + `damping` · σ_max), with `least` in
    place of a smaller denominator. By eigen-decomposition, or with `multiply`, by default on any
    device but a CPU, by products of matrices alone (`velatura.perception.polar`): there a
    decomposition waits for the host and takes ten times as long.
    """
    if matrix.device.type != "cpu" if multiply is None else multiply:
        return polar.inverse_root(matrix, damping, least)
    eigenvalues, vectors = _eigh(matrix)
    roots = eigenvalues.clamp_min(0).sqrt()
    inverse = 1 / torch.maximum(roots + damping * roots[-1], least.clamp_min(SMALLEST))
    return roots.sum(), (vectors * inverse) @ vectors.T


def content(
    features: Tensor, target: Tensor, divisor: float, weights: Tensor | None = None
) -> Loss:
    """Squared error of features, Σ (F − P)² / divisor (Gatys et al. 2016, eq. 1, where it is 2).

    Both are (batch, C, H, W). Two as `divisor` is the paper's. The number of elements gives the
    mean squared error; the target's own sum of squares gives the error relative to it, which makes
    one weight mean the same at every layer; where that is zero, nothing is asked for. With
    `weights` (batch, 1, H, W) the error of each position is multiplied by its own.
    """
    difference = features - target
    weighted = difference if weights is None else difference * weights.to(difference.dtype)
    divisor = divisor or math.inf
    wide = torch.promote_types(difference.dtype, torch.float32)
    value = torch.sum(weighted * difference, dtype=wide)
    return Loss(value / divisor, weighted * (2 / divisor))


def square_sum(tensor: Tensor, weights: Tensor | None = None) -> Tensor:
    """Sum of squares, in float32 at least, each multiplied by its weight if there are any."""
    squares = _at_least_float32(tensor).square()
    return (squares if weights is None else squares * weights).sum()


def _unless_zero(size: Tensor) -> Tensor:
    """`size`, or infinity where it is zero: what is relative to nothing counts nothing."""
    return torch.where(size > 0, size, torch.inf)


def _eigh(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, ascending, and eigenvectors of a symmetric matrix.

    LAPACK's float32 gives up on some matrices of low rank, as a small picture's moments at a deep
    layer are; float64 does not.
    """
    try:
        eigenvalues, vectors = torch.linalg.eigh(matrix)
    except RuntimeError:  # LinAlgError, which torch does not export to type checkers
        if not torch.isfinite(matrix).all():
            return matrix[0] * torch.nan, matrix * torch.nan
        eigenvalues, vectors = torch.linalg.eigh(matrix.cpu().double())
    return eigenvalues.to(matrix), vectors.to(matrix)


def _at_least_float32(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def total_variation(image: Tensor) -> Loss:
    """Mean absolute difference of neighbours, across plus down (Rudin et al. 1992, anisotropic).

    `image` (batch, 3, height, width). The gradient at a tie is zero.
    """
    across, down = image.diff(dim=-1), image.diff(dim=-2)
    gradient = torch.zeros_like(image)
    value = image.new_zeros(())
    for difference, dim in ((across, -1), (down, -2)):
        if difference.numel():
            value = value + difference.abs().mean()
            push = difference.sign() / difference.numel()
            length = difference.shape[dim]
            gradient.narrow(dim, 1, length).add_(push)
            gradient.narrow(dim, 0, length).sub_(push)
    return Loss(value, gradient)


def temporal(image: Tensor, target: Tensor, weights: Tensor) -> Loss:
    """Mean squared difference to what an earlier frame shows, weighted by place.

    `image` and `target` (batch, 3, height, width), `weights` (batch, 1, height, width) in [0, 1]
    (Ruder, Dosovitskiy and Brox 2016, eq. 7).
    """
    difference = image - target
    weighted = weights * difference
    return Loss((weighted * difference).mean(), weighted * (2 / image.numel()))


def by_kind(terms: Mapping[str, float]) -> dict[str, float]:
    """Terms such as `style relu1_1`, summed by the first word of their names."""
    sums: dict[str, float] = {}
    for name, value in terms.items():
        kind = name.split()[0]
        sums[kind] = sums.get(kind, 0.0) + value
    return sums
