"""Duplicates: which pictures are the same picture, beside each other, and which to keep."""

import base64
import io
from collections import Counter
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from velatura.duplicates.find import Duplicates, find_duplicates
from velatura.duplicates.grouping import Group, Member
from velatura.duplicates.survey import Progress
from velatura.errors import ImageError, VelaturaError
from velatura.images.io import read_small
from velatura.images.resize import fit
from velatura.studio import views
from velatura.studio.folder import Folder
from velatura.studio.jobs import Job, Queue, Standing
from velatura.studio.pages.controls import QUIET, Controls, text_to_copy

FINISHED, SHELVES = "finished pictures", ("photographs", "paintings")
TASKS = {"looking": 0.0, "comparing": 0.8, "grouping": 0.9}  # the share done when each begins
THUMBNAIL = 144  # pixels, the longer side
NOTHING = '<div class="groups"><p>Groups appear here, the picture to keep first in each.</p></div>'


class DuplicatesPage:
    """The page and what its parts do."""

    def __init__(self, folder: Folder, queue: Queue) -> None:
        self.folder = folder
        with gr.Row(equal_height=False):
            with gr.Column(scale=6, min_width=300):
                pictures = gr.File(
                    label="Pictures to look through",
                    file_count="multiple",
                    file_types=["image"],
                    height=170,
                    elem_id="duplicates-pictures",
                )
            with gr.Column(scale=4, min_width=300):
                places = gr.CheckboxGroup(
                    choices=[FINISHED, *SHELVES],
                    label="and of the studio's folder",
                    elem_id="duplicates-places",
                )
                threshold = gr.Number(
                    0,
                    label="similarity",
                    info="from 0.05 to 1: lower finds more, and more that is none; 0 is automatic",
                    elem_id="duplicates-threshold",
                )
        self.controls = Controls(folder, queue, "duplicates", "Find")
        self.groups = gr.HTML(NOTHING, elem_id="duplicates-groups")
        self.others = text_to_copy("All but those to keep", "duplicates-others")
        gr.Textbox(
            "velatura duplicates DIR --report duplicates.html",
            label="For folders, at the command line",
            interactive=False,
            buttons=["copy"],
        )
        self.controls.start.click(
            self._find,
            [pictures, places, threshold],
            [*self.controls.parts, self.groups, self.others],
            concurrency_limit=None,
            preprocess=False,
            **QUIET,
        )

    def _find(
        self, request: gr.Request, pictures: Any, places: Any, threshold: Any
    ) -> Iterator[dict[Any, Any]]:
        yield from self.controls.run(
            request, lambda: self._finding(pictures, places, threshold), self._ended
        )

    def _finding(
        self, pictures: Any, places: Any, threshold: Any
    ) -> Callable[[Job], tuple[Duplicates, str]]:
        """The work of finding groups; its result is what was found, and how it is shown."""
        files = [self.folder.uploaded(file) for file in pictures or []]
        again = [path.name for path, times in Counter(files).items() if times > 1]
        for place in places or []:
            files += self.folder.at_hand(place) if place in SHELVES else self.folder.finished()
        if len(set(files)) < 2:
            raise VelaturaError("Choose two pictures or more first.")

        def work(job: Job) -> tuple[Duplicates, str]:
            good, broken = [], {}
            for path in files:
                job.show()
                try:
                    good.append(self.folder.accept({"path": str(path)}, decode=False))
                except ImageError as error:
                    broken[str(path)] = str(error).removeprefix(f"{path}: ")
            found = find_duplicates(
                *good,
                threshold=threshold or None,
                on_progress=lambda step: job.show(_standing(step)),
            )
            found = found._replace(broken={**broken, **found.broken})
            return found, _drawn(found, again)

        return work

    def _ended(self, result: tuple[Duplicates, str]) -> dict[Any, Any]:
        found, drawn = result
        others = [_name(m.path) for group in found.groups for m in group.spare]
        text = f"{_count(len(found.groups), 'group')} in {_count(found.files, 'picture')}"
        if others:
            text += f"; {len(others)} could go"
        return {
            self.controls.status: views.status(text, done=1.0),
            self.groups: drawn,
            self.others: "\n".join(others),
        }


def _standing(step: Progress) -> Standing:
    begins = [*TASKS.values(), 1.0]
    task = list(TASKS).index(step.task)
    share = step.done / max(step.total, 1)
    done = begins[task] + share * (begins[task + 1] - begins[task])
    return Standing(f"{step.task.capitalize()}: {step.done} of {step.total}", done)


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def _drawn(found: Duplicates, again: list[str]) -> str:
    """All groups as HTML, and what was wrong with the rest."""
    told = [f"{_name(name)}: given more than once, the same bytes" for name in again]
    told += [f"{_name(path)}: {why}" for path, why in sorted(found.broken.items())]
    listed = "".join(f"<li>{escape(line)}</li>" for line in told)
    listed = listed and f"<ul>{listed}</ul>"
    none = "" if found.groups else "<p>No two of them are the same picture.</p>"
    groups = "".join(_group(group, number) for number, group in enumerate(found.groups, 1))
    return f'<div class="groups">{listed}{none}{groups}</div>'


def _name(path: str) -> str:
    """A file's name as text: what is none in it is spelt out."""
    return Path(path).name.encode("utf-8", "backslashreplace").decode()


def _group(group: Group, number: int) -> str:
    figures = "".join(_figure(member, place == 0) for place, member in enumerate(group.members))
    return f'<section aria-label="group {number}">{figures}</section>'


def _figure(member: Member, best: bool) -> str:
    told = "keep" if best else f"{member.similarity:.3f} {member.why}"
    size = f"{member.size / 1e6:.1f} MB" if member.size >= 1e6 else f"{member.size / 1e3:.0f} kB"
    name = escape(_name(member.path))
    return (
        f"<figure{' class=best' if best else ''}><div>{_thumbnail(member)}</div><figcaption>"
        f"<strong>{escape(told)}</strong><span>{member.width}×{member.height}, {size}</span>"
        f"<span>{name}</span></figcaption></figure>"
    )


def _thumbnail(member: Member) -> str:
    """An image that needs no other file; words if the picture is gone meanwhile."""
    try:
        square, _ = read_small(Path(member.path), THUMBNAIL)
    except ImageError:
        return "cannot be read"
    height, width = fit((member.height, member.width), THUMBNAIL)
    buffer = io.BytesIO()
    square.resize((width, height)).save(buffer, "WEBP", quality=70)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img src="data:image/webp;base64,{data}" alt="{escape(_name(member.path))}">'
