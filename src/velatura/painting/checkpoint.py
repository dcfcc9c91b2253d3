"""Stop anywhere, go on exactly there.

A checkpoint is one safetensors file: the image and the optimiser's memory as tensors, where the
painting stands as metadata. It is written under another name and renamed, so that a kill at any
moment leaves the one before it.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from velatura.errors import ImageError
from velatura.images.io import atomic_path


@dataclass(frozen=True)
class State:
    """What a painting needs to go on after step `number`."""

    number: int
    seconds: float
    image: Tensor  # (1, 3, height, width), as the optimiser left it, not clamped
    optimizer: dict[str, Tensor]


def save(path: Path, state: State) -> None:
    """Write `state` to `path`, whole or not at all. Raises ImageError if the disk refuses."""
    tensors = {f"optimizer.{name}": tensor for name, tensor in state.optimizer.items()}
    tensors["image"] = state.image
    where = {"number": state.number, "seconds": state.seconds}
    try:
        with atomic_path(path) as temporary:
            save_file(
                {name: tensor.contiguous() for name, tensor in tensors.items()},
                temporary,
                metadata={"velatura": json.dumps(where)},
            )
    except SafetensorError as error:
        raise ImageError(f"{path}: the checkpoint cannot be written ({error})") from error


def load(path: Path) -> State:
    """The inverse of `save`. Raises ImageError if it is no checkpoint, or a damaged one."""
    try:
        with safe_open(path, framework="pt") as file:
            where = json.loads((file.metadata() or {})["velatura"])
            # Copied into memory of torch's own: sums round differently where a vector starts
            # elsewhere than on a cache line.
            names = file.keys()
            tensors = {name: file.get_tensor(name).clone() for name in names}
        return State(
            number=int(where["number"]),
            seconds=float(where["seconds"]),
            image=tensors.pop("image"),
            optimizer={name.removeprefix("optimizer."): t for name, t in tensors.items()},
        )
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ImageError(f"{path}: expected a checkpoint of Velatura ({error})") from error
