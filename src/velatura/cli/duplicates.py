"""`velatura duplicates`: finds pictures that are the same picture, whatever was done to them."""

import argparse
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from velatura.cli.options import add_reading_arguments
from velatura.cli.outputs import add_input, add_output
from velatura.cli.progress import Progress, say, tell
from velatura.duplicates.folders import ENDINGS
from velatura.errors import ConfigError
from velatura.files import check_place, make_folder

if TYPE_CHECKING:
    from velatura.duplicates.find import Duplicates
    from velatura.duplicates.quarantine import Move


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser, "places", endings=ENDINGS, nargs="+", metavar="DIR", help="folders, or files")
    parser.add_argument(
        "--threshold",
        type=_threshold,
        metavar="SIMILARITY",
        help="from 0.05 to 1: lower finds more, and more that is none (default: auto, where 995 of "
        "1000 pairs of the calibration were copies)",
    )
    add_output(parser, "--report", metavar="HTML", help="write a page to look at them")
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    add_output(
        parser,
        "--index",
        metavar="FILE",
        help="remember the pictures there: the next run is quick",
    )
    parser.add_argument(
        "--add", action="store_true", help="compare with all that the index knows, not DIR alone"
    )
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="RULE",
        help="which of a group to keep: oldest, newest, largest, or path=PATTERN with * for "
        "anything; of several the first matters most (default: the largest and best preserved)",
    )
    add_input(
        parser,
        "--protect",
        action="append",
        default=[],
        metavar="FOLDER",
        help="keep its files before others and never move them; may be given several times",
    )
    parser.add_argument(
        "--across", action="store_true", help="only matches between two of the folders count"
    )
    add_input(
        parser,
        "--no-match",
        nargs=2,
        action="append",
        default=[],
        metavar="PICTURE",
        help="remember in the index that these two are no copies of each other; may be given "
        "several times",
    )
    add_output(
        parser, "--move-to", metavar="FOLDER", help="move all but the best of each group there"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what --move-to would move")
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda, cuda:1 … or mps (default: auto)"
    )
    add_reading_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> int:
    from velatura.duplicates.find import find_duplicates
    from velatura.duplicates.quarantine import check_target, move
    from velatura.duplicates.report import write_report

    if arguments.dry_run and not arguments.move_to:
        raise ConfigError("dry-run: expected --move-to, it says what that would move")
    if arguments.move_to:
        check_target(arguments.move_to, arguments.places)
    if arguments.report:
        check_place(arguments.report)
    try:
        with Progress(arguments.quiet) as progress:
            show = _shower(progress)
            found = find_duplicates(
                *arguments.places,
                threshold=arguments.threshold,
                index=arguments.index,
                add=arguments.add,
                keep=arguments.keep,
                protect=arguments.protect,
                across=arguments.across,
                no_match=arguments.no_match,
                device=arguments.device,
                on_progress=lambda step: show(*step),
            )
            if arguments.report:
                write_report(
                    arguments.report,
                    found,
                    lambda done, total: show("drawing", done, total),
                )
    except KeyboardInterrupt:
        if not arguments.index:
            raise
        say(f"velatura: interrupted; what was seen is in {arguments.index}, run it again to go on")
        return 130
    moves: list[Move] = []
    if arguments.move_to:
        if not arguments.dry_run:
            make_folder(arguments.move_to)
        moves = move(found.groups, arguments.move_to, arguments.dry_run)
    if arguments.json:
        print(json.dumps(_as_dict(found, moves, arguments.dry_run)))
    else:
        _print(found, moves, arguments.dry_run)
    if not arguments.quiet:
        _sum_up(found, moves, arguments.dry_run)
        if arguments.report:
            say(str(arguments.report))
    return 2 if found.broken else 0


def _shower(progress: Progress) -> Callable[[str, int, int], None]:
    """Shows how much of a task is done, and how long the rest will take."""
    task, began, last = "", 0.0, time.monotonic()

    def show(name: str, done: int, total: int) -> None:
        nonlocal task, began, last
        if name != task:
            task, began = name, last
        last = time.monotonic()
        progress.at(done, total, last - began, task, f"{done} of {total}")

    return show


def _threshold(text: str) -> float | None:
    if text == "auto":
        return None
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected auto or a number, got {text!r}") from None


def _as_dict(found: "Duplicates", moves: "list[Move]", dry_run: bool) -> dict[str, Any]:
    report: dict[str, Any] = {
        "groups": [group.as_dict() for group in found.groups],
        "broken": [{"path": path, "why": why} for path, why in sorted(found.broken.items())],
        "changed": found.changed,
        "vanished": found.vanished,
        "files": found.files,
    }
    if moves:
        report["would move" if dry_run else "moved"] = [
            {"path": path, "to": target} for path, target, _ in moves if target
        ]
        report["not moved"] = [
            {"path": path, "why": problem} for path, _, problem in moves if problem
        ]
    return report


def _print(found: "Duplicates", moves: "list[Move]", dry_run: bool) -> None:
    for group in found.groups:
        for member in group.members:
            size = f"{member.width}×{member.height}"
            head = "keep" if member is group.members[0] else f"{member.similarity:.2f}"
            told = ", ".join(filter(None, [member.why, member.stays]))
            tell(f"{head:>5}  {size:>11}  {member.path}  ({told})")
        print()
    for path, target, problem in moves:
        if problem:
            say(f"velatura: {path}: not moved ({problem})")
        else:
            tell(f"{'would move' if dry_run else 'moved'} {path} -> {target}")


def _counted(number: int, one: str, several: str = "") -> str:
    """`1 group`, `2 groups`."""
    return f"{number} {one if number == 1 else several or one + 's'}"


def _sum_up(found: "Duplicates", moves: "list[Move]", dry_run: bool) -> None:
    """Counts, and the names of what could not be read, on stderr."""
    for path, why in sorted(found.broken.items()):
        say(f"velatura: {path}: {why}")
    extra = [member for group in found.groups for member in group.spare]
    megabytes = sum(member.size for member in extra) / 1e6
    counts = [
        _counted(found.files, "picture"),
        _counted(len(found.groups), "group"),
        f"{_counted(len(extra), 'copy', 'copies')} to spare ({megabytes:.1f} MB)",
    ]
    for paths, what in (
        (found.broken, "broken"),
        (found.changed, "changed"),
        (found.vanished, "vanished"),
        ([path for path, target, _ in moves if target], "would move" if dry_run else "moved"),
    ):
        counts += [f"{len(paths)} {what}"] if paths else []
    say(", ".join(counts))
