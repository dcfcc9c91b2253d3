"""Roots of matrices by products of matrices alone, as GPUs are quick at.

An eigen-decomposition of 512×512 numbers takes a GPU 15 to 20 ms and waits for the host. Here
the root is iterated: odd polynomials of degree five, each the best for the interval where the one
before has brought the singular values, take all of them to one (Amsel, Persson, Musco and Gower,
*The Polar Express*, 2025, section 3). On the matrix G = Aᵀ A in place of A this gives G^½ and
G^−½ (Higham 2008, *Functions of Matrices*, section 6.7).
"""

import functools

import numpy as np
import torch
from torch import Tensor

SMALLEST_ROOT = 2e-5  # of the largest; smaller ones are found too small
TOLERANCE = 1e-6  # how near to one the polynomials bring the others
SQUARINGS = 8  # of the matrix, by which its largest eigenvalue is found
HEADROOM = 1.01  # above the largest eigenvalue found; the polynomials explode outside [0, 1]
INVERSIONS = 16  # Newton's steps; each squares the error


def inverse_root(matrix: Tensor, damping: float, least: Tensor) -> tuple[Tensor, Tensor]:
    """As `losses.inverse_root` has it, of `matrix` (n, n); `damping` at least 1e-4.

    Of a matrix of zeros the trace is 0 and the inverse `1 / least`.
    """
    given = matrix.dtype
    # Rounding errors of sums may make an eigenvalue of zero negative, which has no root.
    shift = 2 * torch.finfo(given).eps
    if matrix.device.type != "mps":  # it has no float64
        matrix, least = matrix.double(), least.double()
    identity = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    largest = _largest(matrix).clamp_min(torch.finfo(matrix.dtype).tiny)
    scale = HEADROOM * largest
    matrix = matrix / scale + shift * identity
    # Coupled, G^½ and G^−½ keep rounding errors from growing; each alone would not.
    root, inverse = matrix, identity
    for a, b, c in quintics(SMALLEST_ROOT, TOLERANCE):
        product = inverse @ root
        factor = a * identity + product @ (b * identity + c * product)
        root, inverse = root @ factor, factor @ inverse
    size = largest.sqrt()
    root = scale.sqrt() * (root + root.T) / 2
    low = torch.maximum(damping * size, least)
    damped = root + low * identity
    # Newton's iteration for the inverse, begun with the middle of where it can be.
    inverse = identity * (2 / (size + 2 * low))
    for _ in range(INVERSIONS):
        inverse = 2 * inverse - inverse @ damped @ inverse
    return root.trace().to(given), inverse.to(given)


@functools.cache
def quintics(smallest: float, tolerance: float) -> tuple[tuple[float, float, float], ...]:
    """Coefficients (a, b, c) of a x + b x³ + c x⁵, one after the other, from [smallest, 1] to 1.

    Each has the least error on the interval that is left, until that is below `tolerance`.
    """
    found = []
    low, high = smallest, 1.0
    while high - low > tolerance:
        (a, b, c), error = _best_quintic(low, high)
        found.append((a, b, c))
        low, high = 1 - error, 1 + error
    return (*found,)


def _best_quintic(low: float, high: float) -> tuple[tuple[float, float, float], float]:
    """The odd polynomial of degree five that is nearest to one on an interval, and its error.

    Remez' exchange: its error alternates at four points, the ends and the two extrema between.
    """
    points = np.array([low, low + (high - low) / 4, low + 3 * (high - low) / 4, high])
    powers, signs = np.array([1, 3, 5]), np.array([-1, 1, -1, 1])
    a = b = c = error = 0.0
    for _ in range(100):
        system = np.column_stack([points[:, None] ** powers, signs])
        a, b, c, error = map(float, np.linalg.solve(system, np.ones(4)))
        # a + 3 b x² + 5 c x⁴ = 0
        middle = (-3 * b + np.array([-1, 1]) * max(9 * b * b - 20 * a * c, 0.0) ** 0.5) / (10 * c)
        moved = np.array([low, *np.sort(middle.clip(low**2, high**2)) ** 0.5, high])
        if np.allclose(moved, points, rtol=1e-12, atol=0):
            break
        points = moved
    return (a, b, c), abs(error)


def _largest(matrix: Tensor) -> Tensor:
    """The largest eigenvalue, by Rayleigh's quotient with a column of a high power."""
    power = matrix
    for _ in range(SQUARINGS):
        power = power / torch.linalg.matrix_norm(power).clamp_min(torch.finfo(power.dtype).tiny)
        power = power @ power
    vector = power @ torch.ones_like(power[:, :1])
    size = vector.square().sum().clamp_min(torch.finfo(power.dtype).tiny)
    return (vector * (matrix @ vector)).sum() / size
