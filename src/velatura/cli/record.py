"""What is kept of a painting on the way: film, strip, losses."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from velatura.cli.outputs import Outputs, add_output
from velatura.files import append, check_place

if TYPE_CHECKING:
    from velatura.painting.engine import Step


def add_record_arguments(parser: argparse.ArgumentParser) -> None:
    """Options that ask for records."""
    add_output(parser, "--film", metavar="FILE", help="how it came about, as .mp4, .gif or .webp")
    add_output(parser, "--strip", metavar="FILE", help="the same as a few pictures in a row")
    add_output(parser, "--log", metavar="FILE", help="losses, a line of JSON a step")
    add_output(parser, "--plot", metavar="FILE", help="losses as a drawing")


class Record:
    """Keeps what the options ask for.

    Raises ImageError, FileError or ConfigError where it is bound not to be written later.
    """

    def __init__(self, arguments: argparse.Namespace | None) -> None:
        names = ("film", "strip", "log", "plot")
        self.paths: dict[str, Path] = {
            name: path for name in names if (path := getattr(arguments, name, None))
        }
        self.lines: list[str] = []
        if not self.paths:
            return
        from velatura.images.io import check_writable
        from velatura.painting import film

        for name in ("strip", "plot"):
            if name in self.paths:
                check_writable(self.paths[name])
        if "film" in self.paths:
            film.check_film(self.paths["film"])
            check_place(self.paths["film"])
        if "plot" in self.paths:
            film.check_plot()
        if "log" in self.paths:
            append(self.paths["log"], "")
        self.film = film.Film()

    def add(self, step: "Step", outputs: Outputs) -> None:
        """Look at a step."""
        if not self.paths:
            return
        from velatura.painting import film

        if path := self.paths.get("film") or self.paths.get("strip"):
            outputs.attempt(path, partial(self.film.add, step))
        if "plot" in self.paths or "log" in self.paths:
            self.lines.append(film.loss_line(step))
        if log := self.paths.get("log"):
            anew = len(self.lines) == 1
            outputs.attempt(log, lambda: append(log, self.lines[-1] + "\n", anew))

    def write(self, outputs: Outputs) -> None:
        """Write what was kept, of however many steps."""
        if not self.paths:
            return
        from velatura.images import io
        from velatura.painting import film

        if path := self.paths.get("film"):
            outputs.attempt(path, partial(film.write_film, path, self.film))
        if path := self.paths.get("strip"):
            outputs.attempt(path, partial(io.write, path, film.strip(self.film)))
        if path := self.paths.get("plot"):
            outputs.attempt(path, partial(film.write_plot, path, self.lines))
