"""Model files that describe themselves: tensors, and a card that says what they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from velatura.errors import WeightsError
from velatura.images import tensorfile


def save(path: Path, network: nn.Module, card: Mapping[str, Any]) -> None:
    """Write the network's tensors, in float16, and its card. Raises ImageError if it cannot."""
    halves = {name: tensor.half() for name, tensor in network.state_dict().items()}
    tensorfile.write(path, halves, card)


def read_card(path: Path) -> dict[str, Any]:
    """The card alone. Raises WeightsError if it is no model of Velatura."""
    try:
        card = tensorfile.read_about(path)
        if "architecture" in card:
            return card
    except ValueError:
        pass
    raise WeightsError(f"{path}: expected a model file of Velatura")


def load(path: Path, network: nn.Module, architecture: str) -> dict[str, Any]:
    """Fill `network` from the file; return its card.

    Raises WeightsError if it is no model of Velatura, of another architecture, or damaged.
    """
    card = read_card(path)
    if card["architecture"] != architecture:
        raise WeightsError(
            f"{path}: expected a model of architecture {architecture}, got {card['architecture']}"
        )
    try:
        tensors, _ = tensorfile.read(path)
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (ValueError, RuntimeError) as error:
        raise WeightsError(f"{path}: the model is damaged ({str(error)[:200]})") from error
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise WeightsError(f"{path}: the model is damaged (numbers that are not finite)")
    return card
