"""Paint one picture, show the progress, write the file: what several commands share."""

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velatura.cli.progress import Progress, is_first
from velatura.errors import ImageError, VelaturaError
from velatura.painting.config import StyleConfig

if TYPE_CHECKING:
    from velatura.painting.engine import Step

STATE, COMMISSION = "state.safetensors", "painting.json"
SECONDS_BETWEEN_CHECKPOINTS = 30.0


@dataclass(frozen=True)
class Commission:
    """What is to be painted, in what style, and where the picture goes."""

    content: Path
    styles: list[Path]
    output: Path
    config: StyleConfig

    def save(self, folder: Path) -> None:
        """Write it to `folder`, with checksums of the images it names."""
        from velatura.images.io import atomic_path

        if not is_first():
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with atomic_path(folder / COMMISSION) as temporary:
                temporary.write_text(json.dumps(self._as_dict(), indent=2), encoding="utf-8")
        except OSError as error:
            raise ImageError(f"{folder}: checkpoints cannot be written ({error})") from error

    @classmethod
    def load(cls, folder: Path) -> "Commission":
        """The inverse of `save`. Raises ImageError if an image has changed since."""
        try:
            text = (folder / COMMISSION).read_text(encoding="utf-8")
            stored = json.loads(text)
            commission = cls(
                Path(stored["content"]),
                [Path(style) for style in stored["styles"]],
                Path(stored["output"]),
                StyleConfig.from_dict(stored["config"]),
            )
            checksums = dict(stored["sha256"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ImageError(f"{folder}: holds no painting to go on with ({error})") from error
        for path, checksum in checksums.items():
            if _sha256(Path(path)) != checksum:
                raise ImageError(f"{path}: expected the image as it was at the start, it changed")
        return commission

    def _as_dict(self) -> dict[str, Any]:
        images = [path.resolve() for path in (self.content, *self.styles)]
        return {
            "content": str(images[0]),
            "styles": [str(path) for path in images[1:]],
            "output": str(self.output.resolve()),
            "config": self.config.as_dict(),
            "sha256": {str(path): _sha256(path) for path in images},
        }


def paint(
    commission: Commission,
    *,
    quiet: bool,
    checkpoint: Path | None = None,
    seconds_between: float = SECONDS_BETWEEN_CHECKPOINTS,
) -> tuple[dict[str, Any], bool]:
    """Paint and write the picture; return the report and whether the painting was interrupted.

    Interrupted or failing half-way, it writes what is painted so far. With a `checkpoint` folder
    it goes on from the state there, if there is one, and writes it every so often. Of several
    processes the first one writes, the others return an empty report.
    """
    from velatura.images import io
    from velatura.painting import checkpoint as checkpoints
    from velatura.painting.engine import transfer

    io.check_writable(commission.output)
    photograph = io.read(commission.content)
    for source in (commission.content, *commission.styles):
        if commission.output.exists() and source.exists() and commission.output.samefile(source):
            raise ImageError(f"{commission.output}: would be painted over, it is an input")
    state_file = checkpoint / STATE if checkpoint else None
    state = checkpoints.load(state_file) if state_file and state_file.exists() else None
    step: Step | None = None
    interrupted = False
    failure: VelaturaError | None = None
    due = time.monotonic() + seconds_between
    with Progress(quiet) as progress:
        try:
            for step in transfer(
                photograph.pixels, commission.styles, commission.config, state=state
            ):
                progress.show(step)
                if (
                    is_first()
                    and state_file
                    and time.monotonic() >= due
                    and step.number < step.total
                ):
                    began = time.monotonic()
                    checkpoints.save(state_file, step.state())
                    spent = time.monotonic() - began
                    due = time.monotonic() + max(seconds_between, 10 * spent)
        except KeyboardInterrupt:
            interrupted = True
            if step is None:
                raise
        except VelaturaError as error:
            failure = error
            if step is None:
                raise
        except (RuntimeError, MemoryError) as error:  # out of memory, mostly
            failure = VelaturaError(
                f"the painting failed ({' '.join(str(error).split())[:200]}); "
                "a smaller --size or --memory may help"
            )
            if step is None:
                raise failure from error
    if step is None:
        raise VelaturaError("nothing was painted: there was no step left to make")
    if not is_first():
        if failure:
            raise failure
        return {}, interrupted
    report = _write(commission, step, photograph.alpha)
    if failure:
        progress.say(f"{commission.output}: what was painted before the failure")
        raise failure
    report["interrupted"] = interrupted
    stopped = f"interrupted after step {step.number} of {step.total}, " if interrupted else ""
    progress.say(
        f"{commission.output}: {stopped}{report['width']}×{report['height']}, {step.seconds:.0f} s"
    )
    if checkpoint and interrupted:
        progress.say(f"go on with: velatura resume {checkpoint}")
    elif checkpoint and step.number == step.total:
        for name in (STATE, COMMISSION):
            (checkpoint / name).unlink(missing_ok=True)
    return report, interrupted


def _write(commission: Commission, step: "Step", alpha: Any) -> dict[str, Any]:
    """Write the picture at full size with its settings; return the report."""
    from velatura import __version__
    from velatura.images import io
    from velatura.images.resize import resize

    size = step.scales[-1].size
    image = io.to_pil(resize(step.image, size), None if alpha is None else resize(alpha, size))
    settings = {
        "velatura": __version__,
        "content": commission.content.name,
        "styles": [style.name for style in commission.styles],
        "steps": step.number,
        "config": commission.config.as_dict(),
    }
    io.write(commission.output, image, settings)
    return {
        "output": str(commission.output),
        "content": str(commission.content),
        "styles": [str(style) for style in commission.styles],
        "width": size[1],
        "height": size[0],
        "steps": step.number,
        "tiles": step.tiles,
        "seconds": round(step.seconds, 2),
        "loss": step.loss,
        "losses": step.terms,
        "settings": settings["config"],
    }


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror or error})") from error
