"""One painting as a job of the studio."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, cast

from velatura.errors import ConfigError, ImageError
from velatura.painting.config import STARTS, StyleConfig
from velatura.painting.engine import Step
from velatura.painting.memory import limit_bytes
from velatura.perception.devices import pick_device
from velatura.session.job import Job as PaintingJob
from velatura.session.session import Session
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
    order.config.blend_weights(len(order.paintings))
    job = _job(order, folder)
    entry = folder.begin(order.photograph, order.paintings)

    def work(place: Job) -> Finished:
        session = Session(_bounded(job, at_once))
        try:
            place.show()
            try:
                for step in session:
                    place.show(step)
            finally:
                if session.step is not None:
                    session.result().save(entry.picture)
        except Stopped:
            if session.step is None:
                raise
        finally:
            entry.note.unlink(missing_ok=True)
        step = cast(Step, session.step)
        whole = step.scale == len(step.scales) - 1
        return Finished(entry.picture, step.number, step.total, step.seconds, whole)

    return work


def going_on(config: StyleConfig, before: Finished) -> StyleConfig:
    """`config` beginning with a picture; at full size at once, if the picture had got there."""
    config = replace(config, init=before.picture.name)
    if not before.whole or len(config.steps) > 1:
        return config
    return replace(config, single_scale=True, steps=config.steps or STEPS_ON)


def _job(order: Order, folder: Folder) -> PaintingJob:
    """The painting, with the images that the config names."""
    config = order.config

    def path(name: str, shelf: str) -> Path:
        found = folder.find(name, shelf)
        if found is None:
            raise ImageError(
                f"{name[:80]}: expected the name of a picture in {shelf}, found nothing"
            )
        return found

    if config.weights != "embedded":  # others are fetched, or lie outside the folder
        raise ConfigError(f"weights: expected embedded in the studio, got {config.weights!r}")
    if config.updates != "default":  # likewise
        raise ConfigError(f"updates: expected default in the studio, got {config.updates!r}")
    return PaintingJob(
        order.photograph,
        order.paintings,
        config,
        masks=[path(name, "masks") for name in config.mask],
        style_masks=[path(name, "masks") for name in config.style_mask],
        initial=None if config.init in STARTS else path(config.init, "pictures"),
    )


def _bounded(job: PaintingJob, at_once: int) -> PaintingJob:
    """The job with its share of the memory that is free, or less if it asks for less."""
    device = pick_device(job.config.device)
    limit = min(limit_bytes("auto", device) / at_once, limit_bytes(job.config.memory, device))
    return replace(job, memory=f"{limit / 1e6:.0f}MB")
