"""Fields that hold pictures, and thumbnails to choose from."""

import contextlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from velatura.errors import VelaturaError
from velatura.images.io import read, to_pil
from velatura.images.resize import fit, resize
from velatura.studio import views
from velatura.studio.folder import Folder

THUMBNAIL_SIDE = 256  # pixels


def photograph_field(label: str, elem_id: str = "photograph") -> gr.Image:
    """Where a picture is dropped, pasted or uploaded."""
    return gr.Image(
        label=label,
        type="filepath",
        sources=["upload", "clipboard"],
        height=240,
        buttons=[],
        elem_id=elem_id,
    )


def pictures_field(label: str, elem_id: str) -> gr.Gallery:
    """Where several pictures are dropped, pasted or uploaded."""
    return gr.Gallery(
        label=label,
        file_types=["image"],
        type="filepath",
        columns=3,
        fit_columns=False,
        height=170,
        object_fit="contain",
        interactive=True,
        buttons=[],
        elem_id=elem_id,
    )


def shelf_field(label: str, elem_id: str | None = None) -> gr.Gallery:
    """A row of thumbnails to choose from."""
    gr.HTML(f'<p class="caption">{label}</p>')
    return gr.Gallery(
        label=label,
        show_label=False,
        columns=5,
        fit_columns=False,
        height=100,
        object_fit="cover",
        allow_preview=False,
        interactive=False,
        buttons=[],
        elem_id=elem_id,
        elem_classes="shelf",
    )


def thumbnails(paths: Sequence[Path]) -> list[tuple[Image.Image, str]]:
    """Small pictures with their names, for a gallery; what cannot be read is left out."""
    found = []
    for path in paths:
        with contextlib.suppress(Exception):  # broken, too large or gone: the page is for all
            found.append((_thumbnail(path, path.stat().st_mtime), path.name))
    return found


@lru_cache(maxsize=512)
def _thumbnail(path: Path, changed: float) -> Image.Image:
    pixels = read(path).pixels
    size = fit((pixels.shape[-2], pixels.shape[-1]), THUMBNAIL_SIDE)
    return to_pil(resize(pixels, size))


def check_pictures(folder: Folder, gallery: Any) -> tuple[Any, str]:
    """Those that a gallery keeps of what was dropped into it, and the status line."""
    good, told = [], ""
    for file in several(gallery):
        try:
            good.append(str(folder.accept(file)))
        except VelaturaError as error:  # noqa: PERF203  the others are good
            told = views.status(folder.without_paths(str(error)), wrong=True)
    return (good, told) if told else (gr.skip(), views.status("Ready."))


def with_another(folder: Folder, gallery: Any, shelf: str, chosen: gr.SelectData) -> list[str]:
    """What a gallery holds and, beside it, what was chosen of a shelf."""
    path = folder.find(str(chosen.value["caption"]), shelf)
    return [str(file["path"]) for file in several(gallery)] + ([str(path)] if path else [])


def several(gallery: Any) -> list[dict[str, Any]]:
    """The files that a gallery holds, as the browser sends them."""
    return [entry["image"] for entry in gallery or []]
