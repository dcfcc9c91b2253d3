"""Stop anywhere, go on exactly there.

A checkpoint is one file of tensors: the image and the optimiser's memory, and where the painting
stands. It is written under another name and renamed, so that a kill at any moment leaves the one
before it.
"""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from velatura.errors import ImageError
from velatura.images import tensorfile


@dataclass(frozen=True)
class State:
    """What a painting needs to go on after step `number`."""

    number: int
    seconds: float
    image: Tensor  # (1, 3, height, width), as the optimiser left it, not clamped
    optimizer: dict[str, Tensor]


def save(path: Path, state: State) -> None:
    """Write `state` to `path`, whole or not at all. Raises FileError if the disk refuses."""
    tensors = {f"optimizer.{name}": tensor for name, tensor in state.optimizer.items()}
    tensors["image"] = state.image
    tensorfile.write(path, tensors, {"number": state.number, "seconds": state.seconds})


def load(path: Path) -> State:
    """The inverse of `save`. Raises ImageError if it is no checkpoint, or a damaged one."""
    try:
        tensors, where = tensorfile.read(path)
        return State(
            number=int(where["number"]),
            seconds=float(where["seconds"]),
            image=tensors.pop("image"),
            optimizer={name.removeprefix("optimizer."): t for name, t in tensors.items()},
        )
    except (KeyError, ValueError, TypeError) as error:
        raise ImageError(f"{path}: expected a checkpoint of Velatura ({error})") from error
