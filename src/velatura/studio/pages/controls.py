"""Start, stop and status: the same on every page whose work waits in the queue."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from velatura.errors import VelaturaError
from velatura.studio import views
from velatura.studio.folder import Folder
from velatura.studio.jobs import Job, Queue, Standing

SECONDS_BETWEEN_LOOKS = 0.5
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def text_to_copy(label: str, elem_id: str, lines: int = 3) -> gr.Textbox:
    """A box of text that cannot be edited, with a button to copy it."""
    return gr.Textbox(
        label=label,
        lines=lines,
        max_lines=lines,
        interactive=False,
        buttons=["copy"],
        elem_id=elem_id,
    )


def click_at_rest(elem_id: str, milliseconds: int) -> str:
    """JavaScript that clicks a button once it was not called again for so long.

    Until then `window.resting` has the button's name.
    """
    return f"""() => {{
    const resting = (window.resting ??= {{}});
    clearTimeout(resting["{elem_id}"]);
    resting["{elem_id}"] = setTimeout(() => {{
        delete resting["{elem_id}"];
        document.getElementById("{elem_id}").click();
    }}, {milliseconds});
}}"""


def follow(
    form: Sequence[Any], command: Callable[..., str], text: gr.Textbox, filled: Sequence[Any] = ()
) -> None:
    """Let `text` show the command line that `form` stands for, whenever a field changes.

    Events that fill many fields are to be given as `filled`: not every field that they change is
    sure to say so.
    """
    # Answers to changes that follow each other closely may overtake one another: the browser asks
    # once they rest, and again only when it was answered.
    rested = gr.Button("Follow", visible="hidden", elem_id=f"{text.elem_id}-follow")
    rested.click(command, list(form), text, preprocess=False, trigger_mode="always_last", **QUIET)
    ask = click_at_rest(str(rested.elem_id), 100)
    gr.on([part.change for part in form], None, js=ask, **QUIET)
    for event in filled:
        event.then(None, js=ask, **QUIET)


class Controls:
    """Two buttons and a line. `run` is what the first button does."""

    def __init__(self, folder: Folder, queue: Queue, page: str, verb: str) -> None:
        self.folder, self.queue, self.page = folder, queue, page
        with gr.Row(elem_classes="actions"):
            self.start = gr.Button(verb, variant="primary", elem_id=f"{page}-start", min_width=90)
            self.stop = gr.Button("Stop", interactive=False, elem_id=f"{page}-stop", min_width=90)
        self.status = gr.HTML(views.status("Ready."), elem_id=f"{page}-status")
        self.parts = [self.start, self.stop, self.status]
        self.stop.click(self._stop, None, self.stop, queue=False, **QUIET)

    def run(
        self,
        request: gr.Request,
        order: Callable[[], Callable[[Job], Any]],
        ended: Callable[[Any], dict[Any, Any]],
        showing: Callable[[Any], dict[Any, Any]] = lambda so_far: {},
    ) -> Iterator[dict[Any, Any]]:
        """Queue the work that `order` gives and yield what changes on the page until it is done.

        `order` raises VelaturaError for what cannot be done. `ended` says what changes for the
        work's result, `showing` for what is made so far.
        """
        try:
            work = order()
        except VelaturaError as error:
            yield {self.status: self.wrong(error)}
            return
        job = self.queue.add(self._owner(request), work)
        yield {
            self.start: gr.Button(interactive=False),
            self.stop: gr.Button(interactive=True),
            self.status: views.status("Beginning …"),
        }
        began, so_far = 0.0, None
        while job.wait(SECONDS_BETWEEN_LOOKS):
            standing: Standing | None = job.news
            if place := self.queue.position(job):
                yield {self.status: views.status(f"Waiting: number {place} in the queue")}
            elif standing:
                began = began or time.monotonic()
                text = standing.text + views.left(standing.done, time.monotonic() - began)
                changes: dict[Any, Any] = {self.status: views.status(text, done=standing.done)}
                if standing.so_far != so_far:
                    so_far = standing.so_far
                    changes |= showing(so_far)
                yield changes
        changes = {
            self.start: gr.Button(interactive=True),
            self.stop: gr.Button(interactive=False),
        }
        if job.result is None:
            yield changes | {self.status: self.wrong(job.error or "Stopped.")}
        else:
            yield changes | ended(job.result)

    def wrong(self, error: Exception | str) -> str:
        """The status line for what went wrong."""
        return views.status(self.folder.without_paths(str(error)), wrong=True)

    def _stop(self, request: gr.Request) -> Any:
        self.queue.stop(self._owner(request))
        return gr.Button(interactive=False)

    def _owner(self, request: gr.Request) -> str:
        return f"{request.session_hash} {self.page}"
