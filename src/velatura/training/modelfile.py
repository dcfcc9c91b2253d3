"""Model files that describe themselves: safetensors with a card of JSON beside the tensors."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from velatura.errors import WeightsError
from velatura.images.io import atomic_path


def save(path: Path, network: nn.Module, card: Mapping[str, Any]) -> None:
    """Write the network's tensors, in float16, and its card. Raises ImageError if it cannot."""
    tensors = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"velatura": json.dumps(dict(card))})


def read_card(path: Path) -> dict[str, Any]:
    """The card alone. Raises WeightsError if it is no model of Velatura."""
    try:
        with safe_open(path, framework="pt") as file:
            card = json.loads((file.metadata() or {})["velatura"])
        if isinstance(card, dict) and "architecture" in card:
            return card
    except (OSError, SafetensorError, KeyError, ValueError):
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
    tensors: dict[str, Tensor] = {}
    try:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118  no dictionary
                tensors[name] = file.get_tensor(name).float()
        network.load_state_dict(tensors)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsError(f"{path}: the model is damaged ({str(error)[:200]})") from error
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise WeightsError(f"{path}: the model is damaged (numbers that are not finite)")
    return card
