"""The studio's endpoint for programs: `/paint`, which does what the page's button does."""

import uuid
from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.events import api

from velatura.errors import VelaturaError
from velatura.painting.config import StyleConfig
from velatura.studio.folder import Folder
from velatura.studio.jobs import Queue
from velatura.studio.painting import Order, painting


def add_endpoint(folder: Folder, queue: Queue) -> None:
    """Add `/paint` to the blocks that are being built."""

    def paint(
        photograph: dict[str, Any],
        paintings: list[dict[str, Any]],
        settings: dict[str, Any],
        request: gr.Request,
    ) -> Iterator[dict[str, Any]]:
        """Paint a photograph in the style of paintings, with options by name.

        Yields `{"position": …}` while it waits, `{"step": …, "total": …, "loss": …,
        "seconds_left": …}` while it paints, `{"picture": file, "steps": …, "seconds": …}` at last.
        """
        try:
            if not isinstance(paintings, list) or not isinstance(settings, dict):
                raise VelaturaError("expected a file, a list of files, and options by name")
            order = Order(
                folder.take(photograph, "photographs"),
                [folder.take(file, "paintings") for file in paintings],
                StyleConfig.from_dict(settings),
            )
            work = painting(order, folder, queue.at_once)
        except VelaturaError as error:
            raise gr.Error(folder.without_paths(str(error)), print_exception=False) from error
        # Each call is a job of its own: a tab has one at a time, a client as many as it likes.
        job = queue.add(f"{request.session_hash} {uuid.uuid4()}", work)
        while job.wait(0.5):
            if step := job.news:
                yield {
                    "step": step.number,
                    "total": step.total,
                    "loss": step.loss,
                    "seconds_left": step.seconds_left,
                }
            else:
                yield {"position": queue.position(job)}
        if job.result is None:
            text = job.error or "Stopped before there was a picture."
            raise gr.Error(folder.without_paths(text), print_exception=False)
        finished = job.result
        yield {
            "picture": gr.FileData(path=str(finished.picture)).model_dump(),
            "steps": finished.step,
            "seconds": round(finished.seconds, 2),
        }

    api(paint, api_name="paint", concurrency_limit=None)
