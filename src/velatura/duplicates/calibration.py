"""The numbers that `benchmarks/calibrate_duplicates.py` found, shipped with the package."""

import hashlib
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import torch
from safetensors.torch import load
from torch import Tensor

FILE = "calibration.safetensors"
OPPOSED = -0.2  # `lower` below that: somewhere one picture has what the other has not


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
    auto: float  # similarity from which on 995 of 1000 pairs found are copies


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
        float(tensors["auto"]),
    )


def evidence(agreement: Tensor) -> Tensor:
    """All products of two of 1, the four of `agreement.agreement`, and `lower`: (pairs, 21)."""
    terms = (torch.ones(len(agreement)), *agreement.unbind(1), lower(agreement))
    return torch.stack([one * other for i, one in enumerate(terms) for other in terms[i:]], dim=1)


def lower(agreement: Tensor) -> Tensor:
    """The lower of the two lowest correlations, with strokes and without: (pairs,)."""
    return torch.minimum(agreement[:, 0], agreement[:, 3])


def similarity(weights: Tensor, agreement: Tensor) -> Tensor:
    """The logistic function of the evidence, in [0, 1], and 0 below OPPOSED: (pairs,)."""
    value = torch.sigmoid(evidence(agreement) @ weights)
    return value.masked_fill(lower(agreement) < OPPOSED, 0)
