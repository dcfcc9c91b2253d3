"""Stop anywhere, go on exactly there.

A checkpoint is one file of tensors: the image and the optimiser's memory, and where the painting
stands. It is written under another name and renamed, so that a kill at any moment leaves the one
before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from torch import Tensor

from velatura.errors import CheckpointError
from velatura.files import one_line
from velatura.images import tensorfile
from velatura.painting.learned import HIDDEN
from velatura.untrusted import entry


@dataclass(frozen=True)
class State:
    """What a painting needs to go on after step `number`."""

    number: int
    seconds: float
    image: Tensor  # (1, 3, height, width), as the optimiser left it, not clamped
    optimizer: dict[str, Tensor]
    nearest: tuple[Tensor, ...] = ()  # `NeighborTerm.nearest`

    def check(self, scales: Sequence[tuple[tuple[int, int], int]], optimizer: str) -> None:
        """Raise CheckpointError unless the painting that is to go on can be there.

        It is given by its scales, each a size (height, width) and a number of steps.
        """
        ends = [*accumulate(steps for _, steps in scales)]
        size = next(
            (scale[0] for scale, end in zip(scales, ends, strict=True) if self.number <= end), None
        )
        if size is None:
            raise CheckpointError(
                f"checkpoint: expected one of {ends[-1]} steps, got {self.number}"
            )
        image = f"float32 {(1, 3, *size)}"
        expected = {"the image": image}
        if optimizer == "adam":
            expected |= {"mean": image, "square": image, "steps": "int64 ()"}
        else:
            pairs = sum(name.startswith("s") for name in self.optimizer)
            expected |= {"gamma": "float32 ()", "image": image, "gradient": image}
            expected |= {f"{name}{k}": image for k in range(pairs) for name in "sy"}
        if optimizer == "learned":
            expected["hidden"] = f"float32 {(1, HIDDEN, *size)}"
        given = {name: _kind(tensor) for name, tensor in self.optimizer.items()}
        given["the image"] = _kind(self.image)
        for name in sorted({*expected, *given}):
            if given.get(name) != expected.get(name):
                raise CheckpointError(
                    f"checkpoint: {name[:80]}: expected {expected.get(name, 'nothing')}, got "
                    f"{given.get(name, 'nothing')}; it is damaged, or of another painting"
                )


def _kind(tensor: Tensor) -> str:
    return f"{tensor.dtype} {tuple(tensor.shape)}".removeprefix("torch.")


def save(path: Path, state: State) -> None:
    """Write `state` to `path`, whole or not at all. Raises FileError if the disk refuses."""
    tensors = {f"optimizer.{name}": tensor for name, tensor in state.optimizer.items()}
    tensors |= {f"nearest.{number}": places for number, places in enumerate(state.nearest)}
    tensors["image"] = state.image
    tensorfile.write(path, tensors, {"number": state.number, "seconds": state.seconds})


def load(path: Path) -> State:
    """The inverse of `save`. Raises CheckpointError if it is no checkpoint, or a damaged one."""
    try:
        tensors, where = tensorfile.read(path)
        number, seconds = entry(where, "number", int), entry(where, "seconds", float)
        if number < 1 or seconds < 0 or "image" not in tensors:
            raise ValueError(f"step {number}, {seconds:g} s, of {', '.join(tensors)[:80]}")
        count = sum(name.startswith("nearest.") for name in tensors)
        nearest = tuple(tensors.pop(f"nearest.{k}") for k in range(count))
    except (ValueError, KeyError) as error:
        why = one_line(error)[:200]
        raise CheckpointError(f"{path}: expected a checkpoint of Velatura ({why})") from error
    return State(
        number=number,
        seconds=seconds,
        image=tensors.pop("image"),
        nearest=nearest,
        optimizer={name.removeprefix("optimizer."): t for name, t in tensors.items()},
    )
