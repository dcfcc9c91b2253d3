"""The numbers that `benchmarks/calibrate_duplicates.py` found, shipped with the package."""

import hashlib
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import torch
from safetensors.torch import load
from torch import Tensor

FILE = "calibration.safetensors"


class Calibration(NamedTuple):
    """How fingerprints are whitened, and what a comparison means."""

    version: str  # hash of the file
    scale: Tensor  # (FREQUENCIES, FREQUENCIES), deviations of a spectrum's numbers
    mean: Tensor  # (numbers before,), of `pooled`
    projection: Tensor  # (numbers before, numbers after)
    bases: dict[str, Tensor]  # layer -> (channels, directions)
    style_mean: Tensor
    style_deviation: Tensor
    weights: Tensor  # of the logistic function of `evidence`
    near: float  # whitened spectra at least that alike decide alone
    auto: float  # similarity at which 99% of the pairs found are copies
    curve: Tensor  # (points, 3): similarity, precision, recall on the calibration's pictures


@lru_cache
def calibration() -> Calibration:
    """The shipped numbers."""
    data = (files("velatura.duplicates") / FILE).read_bytes()
    return from_tensors(load(data), hashlib.blake2b(data, digest_size=8).hexdigest())


def from_tensors(tensors: dict[str, Tensor], version: str) -> Calibration:
    """A Calibration of what the file holds."""
    bases = {
        name.removeprefix("basis "): tensor.float()
        for name, tensor in tensors.items()
        if name.startswith("basis ")
    }
    return Calibration(
        version,
        tensors["scale"],
        tensors["mean"],
        tensors["projection"].float(),
        bases,
        tensors["style mean"],
        tensors["style deviation"],
        tensors["weights"],
        float(tensors["near"]),
        float(tensors["auto"]),
        tensors["curve"],
    )


def evidence(cosine: Tensor, spectra: Tensor, alignment: Tensor) -> Tensor:
    """What a pair's similarity is made of: (pairs, 10), all products of the three up to squares.

    Args:
        cosine: of the descriptors (pairs,), 0 where there is none.
        spectra: of the whitened spectra in the best turn (pairs,).
        alignment: of the grey squares in that turn (pairs,).
    """
    ones = torch.ones_like(cosine)
    terms = (ones, cosine, spectra, alignment)
    return torch.stack([terms[i] * terms[j] for i in range(4) for j in range(i, 4)], dim=1)


def similarity(found: Calibration, cosine: Tensor, spectra: Tensor, alignment: Tensor) -> Tensor:
    """The logistic function of the evidence, in [0, 1]: (pairs,)."""
    return torch.sigmoid(evidence(cosine, spectra, alignment) @ found.weights)
