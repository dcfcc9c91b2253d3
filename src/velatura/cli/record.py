"""What is kept of a painting on the way: film, strip, losses."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from velatura.errors import ImageError

if TYPE_CHECKING:
    from velatura.painting.engine import Step


def add_record_arguments(parser: argparse.ArgumentParser) -> None:
    """Options that ask for records."""
    parser.add_argument(
        "--film", type=Path, metavar="FILE", help="how it came about, as .mp4, .gif or .webp"
    )
    parser.add_argument(
        "--strip", type=Path, metavar="FILE", help="the same as a few pictures in a row"
    )
    parser.add_argument("--log", type=Path, metavar="FILE", help="losses, a line of JSON a step")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="losses as a drawing")


class Record:
    """Keeps what the options ask for.

    Raises ImageError or ConfigError where it is bound not to be written later.
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
            check_writable(self.paths["film"].with_suffix(".webp"))
        if "plot" in self.paths:
            film.check_plot()
        if "log" in self.paths:
            try:
                self.paths["log"].write_text("")
            except OSError as error:
                raise ImageError(
                    f"{self.paths['log']}: cannot be written ({error.strerror or error})"
                ) from error
        self.film = film.Film()

    def add(self, step: "Step") -> None:
        """Look at a step."""
        if not self.paths:
            return
        from velatura.painting import film

        if "film" in self.paths or "strip" in self.paths:
            self.film.add(step)
        if "plot" in self.paths or "log" in self.paths:
            self.lines.append(film.loss_line(step))
        if "log" in self.paths:
            with self.paths["log"].open("a", encoding="utf-8") as log:
                print(self.lines[-1], file=log)

    def write(self) -> None:
        """Write what was kept, of however many steps."""
        if not self.paths:
            return
        from velatura.images import io
        from velatura.painting import film

        if "film" in self.paths:
            film.write_film(self.paths["film"], self.film)
        if "strip" in self.paths:
            io.write(self.paths["strip"], film.strip(self.film))
        if "plot" in self.paths:
            film.write_plot(self.paths["plot"], self.lines)
