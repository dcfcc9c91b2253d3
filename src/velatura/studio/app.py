"""The studio put together and served."""

import os
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from velatura.errors import ConfigError, VelaturaError
from velatura.extras import import_extra
from velatura.studio.folder import MOST_BYTES, SECONDS_KEPT, SHELVES, Folder
from velatura.studio.guard import Guard
from velatura.studio.jobs import Queue

HERE = ("127.0.0.1", "localhost", "::1")


def _gradio(folder: Folder) -> Any:
    """Gradio, told before it is imported to fetch nothing and to write into the folder."""
    os.environ |= {
        "GRADIO_TEMP_DIR": str(folder.uploads),
        "GRADIO_EXAMPLES_CACHE": str(folder.uploads / "examples"),
        "HF_HUB_OFFLINE": "1",
    }
    return import_extra("gradio", "studio", "studio")


def build(folder: Folder, queue: Queue) -> Any:
    """The studio's page, as gradio.Blocks."""
    gr = _gradio(folder)
    from velatura.studio.api import add_endpoint
    from velatura.studio.pages.anatomy import AnatomyPage
    from velatura.studio.pages.controls import QUIET
    from velatura.studio.pages.duplicates import DuplicatesPage
    from velatura.studio.pages.gallery import GalleryPage
    from velatura.studio.pages.one_pass import OnePassPage
    from velatura.studio.pages.paint import PaintPage
    from velatura.studio.pages.upscale import UpscalePage

    with gr.Blocks(
        title="Velatura", analytics_enabled=False, delete_cache=(3600, SECONDS_KEPT)
    ) as blocks:
        with gr.Tabs(elem_id="pages") as tabs:
            with gr.Tab("Paint", id="paint"):
                paint = PaintPage(folder, queue)
            with gr.Tab("In one pass", id="one-pass"):
                one_pass = OnePassPage(folder, queue)
            with gr.Tab("Upscale", id="upscale"):
                upscale = UpscalePage(folder, queue)
            with gr.Tab("Duplicates", id="duplicates"):
                DuplicatesPage(folder, queue)
            with gr.Tab("Anatomy", id="anatomy"):
                AnatomyPage(folder, queue)
            with gr.Tab("Gallery", id="gallery") as tab:
                gallery = GalleryPage(folder, paint, one_pass, upscale, tabs)
        shelves = [paint.photographs, paint.paintings_at_hand]
        blocks.load(paint.at_hand, None, shelves, **QUIET)
        blocks.load(one_pass.choices, None, [one_pass.at_hand, one_pass.style.choice], **QUIET)
        blocks.load(upscale.choices, None, [upscale.at_hand, upscale.model.choice], **QUIET)
        tab.select(gallery.finished, None, gallery.pictures, **QUIET)
        add_endpoint(folder, queue)
    return blocks


@contextmanager
def serving(
    path: Path,
    host: str = "127.0.0.1",
    port: int = 7860,
    at_once: int = 1,
    show: bool = False,
    origins: Sequence[str] = (),
) -> Iterator[tuple[str, Folder]]:
    """Serve the studio of a folder within the block; gives its address and the folder.

    Pages of `origins` (as https://huggingface.co) may show it in a frame and use it, of no others.
    Afterwards all jobs are stopped, and what they have painted is kept.

    Raises:
        ConfigError: Gradio is not installed.
        VelaturaError: the address is taken, or another studio works in the folder.
    """
    if at_once < 1:
        raise ConfigError(f"at-once: expected at least 1, got {at_once}")
    for origin in origins:
        if not re.fullmatch(r"https?://[\w.:\[\]-]+", origin):
            raise ConfigError(
                f"allow-origin: expected an address as https://huggingface.co, got {origin!r}"
            )
    _check_free(host, port)
    folder, queue = Folder(path), Queue(at_once)
    try:
        with _served(folder, queue, host, port, show, origins) as address:
            yield address, folder
    finally:
        folder.close()


@contextmanager
def _served(
    folder: Folder, queue: Queue, host: str, port: int, show: bool, origins: Sequence[str]
) -> Iterator[str]:
    gr = _gradio(folder)
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    blocks = build(folder, queue)
    blocks.queue(default_concurrency_limit=None)
    # A page of elsewhere may let its name mean this machine; requests under such names end here.
    hosts = [*HERE, "[::1]"] if host in HERE else ["*"]
    _, address, _ = blocks.launch(
        server_name=host,
        server_port=port,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        inbrowser=show,
        show_error=False,  # what is not said on purpose may name paths of this machine
        max_file_size=MOST_BYTES,
        allowed_paths=[str(folder.pictures), *map(str, map(folder.shelf, SHELVES))],
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        _frontend=False,  # else it asks itself for the page and gives up if that takes a while
        theme=gr.themes.Base(
            font=("system-ui", "sans-serif"), font_mono=("ui-monospace", "monospace")
        ).set(  # the theme's own are too faint to read
            block_info_text_color="*neutral_600", block_info_text_color_dark="*neutral_300"
        ),
        css=(files("velatura.studio") / "studio.css").read_text(encoding="utf-8"),
        app_kwargs={
            "middleware": [
                Middleware(TrustedHostMiddleware, allowed_hosts=hosts),
                Middleware(Guard, folder=folder, origins=origins),
            ]
        },
    )
    try:
        yield address
    finally:
        queue.close()  # while there is still a server to tell it
        blocks.close(verbose=False)


def _check_free(host: str, port: int) -> None:
    """Raise VelaturaError now if nothing can be served there: Gradio takes a while to load."""
    try:
        family = socket.getaddrinfo(host, port)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        raise VelaturaError(
            f"studio: {host}, port {port}, cannot be served at ({error}); name others with --host "
            "and --port"
        ) from error
