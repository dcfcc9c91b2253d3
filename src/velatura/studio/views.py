"""Pieces of HTML: the picture so far, where it stands, how its losses fell."""

import base64
import io
import math
from collections.abc import Sequence
from html import escape

from PIL import Image

from velatura.images.io import to_pil
from velatura.images.resize import fit, resize
from velatura.painting.engine import Step

PREVIEW_SIDE = 640  # pixels of a preview, at most
EMPTY = '<div class="easel"><p>The picture appears here.</p></div>'
NO_LOSSES = '<div class="losses"></div>'


def easel(image: Image.Image, alt: str) -> str:
    """The picture so far, in a box whose height does not depend on it."""
    height, width = fit((image.height, image.width), min(PREVIEW_SIDE, max(image.size)))
    return f'<div class="easel">{_drawn(image.resize((width, height)), alt)}</div>'


def glaze(photograph: Image.Image, painted: Image.Image, alt: str) -> str:
    """A photograph and over it what was painted, of one size.

    How much of the upper shows is the page's `--strength`: the browser mixes them, in sRGB as
    `velatura fast apply` does.
    """
    size = fit((painted.height, painted.width), min(PREVIEW_SIDE, max(painted.size)))[::-1]
    return (
        f'<div class="easel glaze">{_drawn(photograph.resize(size), "The photograph")}'
        f"{_drawn(painted.resize(size), alt)}</div>"
    )


def _drawn(image: Image.Image, alt: str) -> str:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=85)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img src="data:image/jpeg;base64,{data}" decoding="sync" alt="{escape(alt)}">'


def preview(step: Step) -> str:
    """The picture at `step`, on the easel at the size that it will have."""
    size = step.scales[-1].size
    size = fit(size, min(PREVIEW_SIDE, max(size)))
    return easel(to_pil(resize(step.image, size)), f"The picture after step {step.number}")


def status(text: str, *, done: float | None = 0.0, wrong: bool = False) -> str:
    """A line that says how things stand, over a bar of how much is `done` (0 to 1), if any."""
    bar = ""
    if done is not None:
        bar = f'<progress max="1" value="{done:.3f}" aria-label="progress"></progress>'
    kind, role = ("status wrong", "alert") if wrong else ("status", "status")
    return f'<div class="{kind}" role="{role}"><p>{escape(text)}</p>{bar}</div>'


def left(done: float, seconds: float) -> str:
    """The time left when the share `done` took `seconds`, as the end of a line."""
    if not 0 < done < 1 or seconds < 1:
        return ""
    rest = round(seconds / done * (1 - done))
    return f", {rest // 60}:{rest % 60:02} left"


def standing(step: Step) -> str:
    """The status of a painting at `step`."""
    height, width = step.scales[step.scale].size
    left = f"{step.seconds_left // 60}:{step.seconds_left % 60:02}"
    done, total = step.visited
    tiles = f" in {step.tiles} tiles" if step.tiles > 1 else ""
    return status(
        f"Step {step.number} of {step.total}, {width}×{height}{tiles}, {left} left",
        done=done / total,
    )


def curve(history: Sequence[dict[str, float]]) -> str:
    """Losses by kind over the steps, on a logarithmic scale, as a drawing of fixed height."""
    kinds = [kind for kind in history[-1] if any(losses.get(kind, 0) > 0 for losses in history)]
    values = [losses[kind] for losses in history for kind in kinds if losses.get(kind, 0) > 0]
    if not values:
        return NO_LOSSES
    low, high = math.log(min(values)), math.log(max(values))
    lines, names = [], []
    for number, kind in enumerate(kinds):
        points = " ".join(
            f"{100 * index / max(1, len(history) - 1):.2f},"
            f"{38 - 36 * (math.log(losses[kind]) - low) / max(high - low, 1e-9):.2f}"
            for index, losses in enumerate(history)
            if losses[kind] > 0
        )
        lines.append(f'<polyline class="line-{number}" points="{points}"/>')
        names.append(f'<span class="line-{number}">{kind} {history[-1][kind]:.3g}</span>')
    return (
        '<div class="losses"><svg viewBox="0 0 100 40" preserveAspectRatio="none" role="img" '
        f'aria-label="losses over the steps">{"".join(lines)}</svg>'
        f"<p>Loss: {' '.join(names)}</p></div>"
    )
