"""Model files that describe themselves: tensors, and a card that says what they are.

Only `load` imports torch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from velatura.errors import WeightsError, in_one_line, is_out_of_memory
from velatura.files import one_line
from velatura.images import tensorfile
from velatura.untrusted import entry

if TYPE_CHECKING:
    from torch import nn


def save(path: Path, network: "nn.Module", card: Mapping[str, Any]) -> None:
    """Write the network's tensors, in float16, and its card. Raises FileError if it cannot."""
    halves = {name: tensor.half() for name, tensor in network.state_dict().items()}
    tensorfile.write(path, halves, card)


def read_card(path: Path) -> dict[str, Any]:
    """The card alone. Raises WeightsError if it is no model of Velatura."""
    try:
        card = tensorfile.read_about(path)
        entry(card, "architecture", str)
    except ValueError as error:
        why = one_line(error)[:200]
        raise WeightsError(f"{path}: expected a model file of Velatura ({why})") from error
    return card


def read(path: Path, architecture: str) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]:
    """The tensors as float32 arrays, and the card.

    Raises WeightsError if it is no model of Velatura, of another architecture, or damaged.
    """
    card = read_card(path)
    if card["architecture"] != architecture:
        raise WeightsError(
            f"{path}: expected a model of architecture {architecture}, "
            f"got {card['architecture'][:80]}"
        )
    try:
        halves, _ = tensorfile.read_arrays(path)
        for name, array in halves.items():
            if array.dtype not in (np.float16, np.float32):
                raise ValueError(f"{name}: expected float16, got {array.dtype}")
    except ValueError as error:
        raise damaged(path, error) from error
    return {name: array.astype(np.float32) for name, array in halves.items()}, card


def load(path: Path, network: "nn.Module", architecture: str) -> dict[str, Any]:
    """Fill `network` from the file; return its card. Raises WeightsError as `read` does."""
    import torch

    arrays, card = read(path, architecture)
    try:
        network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise WeightsError(f"{path}: cannot be read ({in_one_line(error)})") from error
        raise damaged(path, error) from error
    return card


def damaged(path: Path, why: Exception) -> WeightsError:
    """What to raise when a model file does not hold what it should."""
    return WeightsError(f"{path}: the model is damaged ({one_line(why)[:200]})")
