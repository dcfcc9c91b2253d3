"""The training loop: a generator of steps, as a painting is."""

import copy
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from velatura.errors import CheckpointError, DivergenceError
from velatura.files import one_line
from velatura.images import tensorfile
from velatura.untrusted import entry

WARM_UP = 20  # steps over which the learning rate rises
BETAS = (0.9, 0.99)
LARGEST_GRADIENT = 1.0  # norm; a crop like no other must not undo a hundred steps
JUDGE_EVERY = 50  # steps


@dataclass(frozen=True)
class Progress:
    """What it takes to go on after step `number`."""

    number: int
    seconds: float
    tensors: dict[str, Tensor]


class Task(Protocol):
    """What a training teaches a network."""

    sought: dict[str, float]
    """Numbers that it finds out meanwhile; they are kept with its state, and logged."""

    def __call__(self, number: int) -> Mapping[str, float]:
        """Add the gradients of step `number` to the network's parameters; return its terms."""

    def judge(self, network: nn.Module) -> float:
        """A figure, lower is better, of what `network` makes of photographs held out."""


def save(path: Path, progress: Progress, about: Mapping[str, Any]) -> None:
    """Write `progress` of a training, and what is said `about` it. Raises FileError."""
    where = {"number": progress.number, "seconds": progress.seconds, "about": dict(about)}
    tensorfile.write(path, progress.tensors, where)


def load(path: Path, about: Mapping[str, Any]) -> Progress:
    """The inverse of `save`. Raises CheckpointError if it is of another training, or damaged."""
    try:
        tensors, where = tensorfile.read(path)
        if entry(where, "about", dict) != dict(about):
            raise CheckpointError(
                f"{path}: expected an unfinished training with these options, got one with others; "
                "use the same ones, or delete the file to begin anew"
            )
        number, seconds = entry(where, "number", int), entry(where, "seconds", float)
        if number < 1 or seconds < 0:
            raise ValueError(f"step {number}, {seconds:g} s")
    except ValueError as error:
        why = one_line(error)[:200]
        raise CheckpointError(f"{path}: expected an unfinished training ({why})") from error
    return Progress(number, seconds, tensors)


@dataclass(frozen=True)
class TrainingStep:
    """Where a training stands after a step."""

    number: int  # from 1
    total: int
    seconds: float
    terms: dict[str, float]  # weighted losses of this step's batch
    held_out: float | None  # the lesson's judgement, where it was asked for at this step
    sought: dict[str, float]
    network: nn.Module  # with averaged parameters, the one to use; live
    optimizer: torch.optim.Adam  # likewise

    @property
    def loss(self) -> float:
        """The sum of the terms."""
        return sum(self.terms.values())

    def state(self) -> Progress:
        """What it takes to go on from here; ask before the next step is taken."""
        tensors = {
            f"sought.{name}": torch.tensor(value, dtype=torch.float64)
            for name, value in self.sought.items()
        }
        parameters = self.optimizer.param_groups[0]["params"]
        averaged = self.network.named_parameters()
        for (name, average), parameter in zip(averaged, parameters, strict=True):
            tensors[f"average.{name}"] = average.detach().clone()
            tensors[f"model.{name}"] = parameter.detach().clone()
            for key, tensor in self.optimizer.state[parameter].items():
                tensors[f"{key}.{name}"] = tensor.clone()
        return Progress(self.number, self.seconds, tensors)


def train(
    network: nn.Module,
    task: Task,
    steps: int,
    learning_rate: float,
    averaging: float = 0.99,
    state: Progress | None = None,
    judge_every: int = JUDGE_EVERY,
) -> Iterator[TrainingStep]:
    """Train `network` for `steps` steps of Adam, the rate falling along a cosine.

    Parameters are averaged exponentially, a step weighing 1 − `averaging`. From a `state` it goes
    on as if it had never stopped.

    Raises DivergenceError when the loss is no finite number.
    """
    began = time.monotonic() - (state.seconds if state else 0)
    parameters = list(network.requires_grad_().parameters())
    optimizer = torch.optim.Adam(parameters, lr=learning_rate, betas=BETAS)
    average = copy.deepcopy(network).requires_grad_(False)
    if state:
        _restore(state, network, average, optimizer, task.sought)
    for number in range(state.number + 1 if state else 1, steps + 1):
        optimizer.zero_grad()
        terms = dict(task(number))
        if not math.isfinite(sum(terms.values())):
            raise DivergenceError(
                f"the training diverged at step {number}: expected finite numbers; a smaller "
                "learning rate will do"
            )
        fallen = (1 + math.cos(math.pi * number / steps)) / 2
        optimizer.param_groups[0]["lr"] = learning_rate * fallen * min(1, number / WARM_UP)
        nn.utils.clip_grad_norm_(parameters, LARGEST_GRADIENT)
        optimizer.step()
        with torch.no_grad():
            for averaged, parameter in zip(average.parameters(), parameters, strict=True):
                averaged.lerp_(parameter, max(1 - averaging, 1 / number))
        seconds = time.monotonic() - began
        due = number % judge_every == 0 or number == steps
        held_out = task.judge(average) if due else None
        sought = dict(task.sought)
        yield TrainingStep(number, steps, seconds, terms, held_out, sought, average, optimizer)


@torch.no_grad()
def _restore(
    state: Progress,
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Adam,
    sought: dict[str, float],
) -> None:
    """Put everything where it was. Raises CheckpointError if something is missing in `state`."""

    def stored(name: str, shape: torch.Size) -> Tensor:
        tensor = state.tensors.get(name)
        if tensor is None or tensor.shape != shape:
            raise CheckpointError(
                f"unfinished training: expected {name} of {tuple(shape)}, got "
                f"{'nothing' if tensor is None else tuple(tensor.shape)}; "
                "it is damaged: delete the file to begin anew"
            )
        return tensor

    for name, parameter in network.named_parameters():
        parameter.copy_(stored(f"model.{name}", parameter.shape))
        average.get_parameter(name).copy_(stored(f"average.{name}", parameter.shape))
        optimizer.state[parameter] = {  # nothing yet for a part that had no gradient so far
            key: stored(f"{key}.{name}", shape).clone().to(device)
            for key, shape, device in (
                ("step", torch.Size(), torch.device("cpu")),  # where Adam keeps its count
                ("exp_avg", parameter.shape, parameter.device),
                ("exp_avg_sq", parameter.shape, parameter.device),
            )
            if f"{key}.{name}" in state.tensors
        }
    for name in sought:
        sought[name] = float(stored(f"sought.{name}", torch.Size()))
