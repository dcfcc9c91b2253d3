"""Photographs painted in one pass as a job, and mixed with what was painted afterwards."""

import dataclasses
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from velatura.errors import ConfigError, ImageError, in_one_line
from velatura.fast.options import PaintOptions, settings
from velatura.fast.painter import Painter
from velatura.fast.styles import REGISTRY
from velatura.images.io import read, to_pil, write
from velatura.images.resize import resize
from velatura.studio.folder import Folder
from velatura.studio.jobs import Job, Standing, Stopped
from velatura.training.modelfile import read_card


class Order(NamedTuple):
    """What a form asks for: photographs by the names that they are kept under, and a style."""

    photographs: dict[str, Path]
    style: str  # as the folder's models name it
    options: PaintOptions


class Painted(NamedTuple):
    """A finished picture, and what it can be mixed anew from: files in the studio's folder."""

    picture: Path
    full: Path  # the picture at full strength
    photograph: Path
    content: str  # the photograph's name


@dataclass(frozen=True)
class Finished:
    """What came of an order, at the strength that the pictures have now."""

    order: Order
    card: dict[str, Any]  # the style's
    scratch: Path  # where the pictures at full strength are
    painted: tuple[Painted, ...]
    wrong: tuple[str, ...]  # what was wrong with the photographs that are not painted
    strength: float


def painting(order: Order, folder: Folder) -> Callable[[Job], Finished]:
    """The work of painting `order`; it shows a Standing and returns a Finished.

    Stopped half-way, it keeps the pictures that are done. Raises ConfigError, WeightsError or
    ImageError now for what cannot be painted.
    """
    file = folder.models(REGISTRY).get(order.style)
    if file is None:
        raise ConfigError(f"style: expected one of the list, got {order.style!r}")
    card = read_card(file)
    scratch = folder.scratch()
    todo = []
    for number, (name, source) in enumerate(order.photographs.items()):
        photograph = scratch / f"{number}{source.suffix}"
        try:
            shutil.copyfile(source, photograph)  # shelves are cleared
        except OSError as error:
            raise ImageError(f"{name}: cannot be read ({error.strerror or error})") from error
        entry = folder.begin(Path(name), [Path(order.style)])
        done = Painted(entry.picture, scratch / entry.picture.name, photograph, name)
        todo.append((done, entry.note))

    def work(job: Job) -> Finished:
        painted: list[Painted] = []
        wrong: list[str] = []
        try:
            job.show()
            options = order.options
            painter = Painter(str(file), 1.0, options.colors, options.device, options.precision)
            for number, (one, note) in enumerate(todo):
                on_progress = _progress_of(job, one.content, number, len(todo), painted)
                try:
                    on_progress(0.0)
                    image = painter.paint(one.photograph, options.size or None, on_progress)
                    write(one.full, image)
                    _mix(one, order, card, options.strength)
                    painted.append(one)
                except Stopped:
                    raise
                except Exception as error:  # the others may be painted
                    wrong.append(f"{one.content}: {in_one_line(error)}")
                note.unlink(missing_ok=True)
        except Stopped:
            if not painted:
                raise
        finally:
            for _, note in todo:
                note.unlink(missing_ok=True)
        if not painted:
            raise ImageError("; ".join(wrong))
        return Finished(order, card, scratch, tuple(painted), tuple(wrong), order.options.strength)

    return work


def mixing(finished: Finished, strength: float) -> Callable[[Job], Finished]:
    """The work of writing the pictures at another strength; the network is not asked again."""

    def work(job: Job) -> Finished:
        for one in finished.painted:
            job.show()
            _mix(one, finished.order, finished.card, strength)
        return dataclasses.replace(finished, strength=strength)

    return work


def forget(finished: Finished) -> None:
    """Delete what the pictures could be mixed anew from."""
    shutil.rmtree(finished.scratch, ignore_errors=True)


def _mix(one: Painted, order: Order, card: dict[str, Any], strength: float) -> None:
    full = read(one.full)
    photograph = resize(read(one.photograph).pixels, full.size)
    image = to_pil(torch.lerp(photograph, full.pixels, strength), full.alpha)
    options = dataclasses.replace(order.options, strength=strength)
    write(one.picture, image, settings(one.content, order.style, options, card))


def _progress_of(
    job: Job, name: str, number: int, total: int, painted: list[Painted]
) -> Callable[[float], None]:
    """Shows `job` how far it is."""
    text = f"Painting {name}" + (f", {number + 1} of {total}" if total > 1 else "")

    def on_progress(done: float) -> None:
        job.show(Standing(text, (number + done) / total, tuple(painted)))

    return on_progress
