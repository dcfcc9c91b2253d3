"""One painting as a job of the studio."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from velatura.errors import ConfigError, ImageError, VelaturaError
from velatura.images.io import read
from velatura.painting.config import STARTS, StyleConfig
from velatura.painting.engine import Step, transfer
from velatura.painting.memory import limit_bytes
from velatura.painting.stylize import full_size, write_picture
from velatura.perception.devices import pick_device
from velatura.studio.folder import Folder
from velatura.studio.jobs import Job, Stopped

STEPS_ON = (40,)  # when going on at full size from a finished picture


class Order(NamedTuple):
    """What a form asks for. Images that `config` names lie in the studio's folder."""

    photograph: Path
    paintings: list[Path]
    config: StyleConfig


class Finished(NamedTuple):
    """A picture that was written; `whole` if its painting had come to the last scale."""

    picture: Path
    step: int
    total: int
    seconds: float
    whole: bool


def painting(order: Order, folder: Folder, at_once: int) -> Callable[[Job], Finished]:
    """The work of painting `order`; it shows each step and returns a Finished.

    Stopped or failing half-way, it writes what is painted so far. Jobs `at_once` share the
    memory. Raises ImageError or ConfigError now for what cannot be painted.
    """
    config = _with_paths(order.config, folder)
    order.config.blend_weights(len(order.paintings))
    entry = folder.begin(order.photograph, order.paintings)

    def work(job: Job) -> Finished:
        step: Step | None = None
        try:
            job.show()
            alpha = read(order.photograph).alpha
            try:
                bounded = _bounded(config, at_once)
                for step in transfer(order.photograph, order.paintings, bounded):
                    job.show(step)
            finally:
                if step is not None:
                    names = [path.name for path in order.paintings]
                    picture, content = full_size(step, alpha), order.photograph.name
                    write_picture(entry.picture, picture, step, order.config, content, names)
        except Stopped:
            if step is None:
                raise
        finally:
            entry.note.unlink(missing_ok=True)
        if step is None:
            raise VelaturaError("nothing was painted: there was no step left to make")
        whole = step.scale == len(step.scales) - 1
        return Finished(entry.picture, step.number, step.total, step.seconds, whole)

    return work


def going_on(config: StyleConfig, before: Finished) -> StyleConfig:
    """`config` beginning with a picture; at full size at once, if the picture had got there."""
    config = dataclasses.replace(config, init=before.picture.name)
    if not before.whole or len(config.steps) > 1:
        return config
    return dataclasses.replace(config, single_scale=True, steps=config.steps or STEPS_ON)


def _with_paths(config: StyleConfig, folder: Folder) -> StyleConfig:
    """`config` with paths in place of the names of pictures and masks."""

    def path(name: str, shelf: str) -> str:
        found = folder.find(name, shelf)
        if found is None:
            raise ImageError(
                f"{name[:80]}: expected the name of a picture in {shelf}, found nothing"
            )
        return str(found)

    if config.weights != "embedded":  # others are fetched, or lie outside the folder
        raise ConfigError(f"weights: expected embedded in the studio, got {config.weights!r}")
    return dataclasses.replace(
        config,
        init=config.init if config.init in STARTS else path(config.init, "pictures"),
        mask=tuple(path(name, "masks") for name in config.mask),
        style_mask=tuple(path(name, "masks") for name in config.style_mask),
    )


def _bounded(config: StyleConfig, at_once: int) -> StyleConfig:
    """`config` with its share of the memory that is free, or less if it asks for less."""
    device = pick_device(config.device)
    limit = min(limit_bytes("auto", device) / at_once, limit_bytes(config.memory, device))
    return dataclasses.replace(config, memory=f"{limit / 1e6:.0f}MB")
