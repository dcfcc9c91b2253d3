"""`velatura batch`: one job over many pictures, on this machine or on a cluster."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from velatura.cli.interruptions import INTERRUPTIONS
from velatura.cli.options import add_config_options, config_from, given_options
from velatura.cli.outputs import add_input, add_output
from velatura.cli.progress import Progress, say
from velatura.errors import ConfigError
from velatura.fast.options import PaintOptions
from velatura.painting.config import StyleConfig
from velatura.superres.options import SCALES

if TYPE_CHECKING:
    from velatura.batch import run as batch
    from velatura.batch.work import File

FORMS = ("png", "jpg", "webp", "avif", "tif")
SOME_FAILED = 3  # the exit code: some pictures were made, some were not


def add_arguments(parser: argparse.ArgumentParser) -> None:
    jobs = parser.add_subparsers(dest="job", required=True, metavar="job")
    for name, summary, add in (
        ("stylize", "paint photographs in the style of paintings", _add_stylize),
        ("fast", "paint photographs in one pass", _add_fast),
        ("upscale", "enlarge photographs", _add_upscale),
    ):
        job = jobs.add_parser(name, help=summary, description=summary.capitalize())
        _add_common(job)
        add(job)


def _add_common(parser: argparse.ArgumentParser) -> None:
    add_input(
        parser,
        "sources",
        type=str,
        nargs="+",
        metavar="source",
        help="folders, patterns, .txt files of URIs, or Parquet files with a column uri or bytes; "
        "paths, s3://, gs://, az://, http(s)://",
    )
    add_output(
        parser,
        *("-o", "--output"),
        type=str,
        required=True,
        metavar="TARGET",
        help="the folder, or its URI, that pictures and manifest go to",
    )
    parser.add_argument(
        "--workers", type=int, metavar="NUMBER", help="processes at work (default: one a core)"
    )
    parser.add_argument("--cluster", metavar="ADDRESS", help="of a Ray cluster; or set RAY_ADDRESS")
    parser.add_argument(
        "--again", action="store_true", help="go on with a batch: do what is missing or failed"
    )
    parser.add_argument("--limit", type=int, metavar="NUMBER", help="work on so many pictures")
    parser.add_argument(
        "--format", choices=FORMS, default="png", help="of the pictures (default: png)"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object a picture")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def _add_stylize(parser: argparse.ArgumentParser) -> None:
    add_input(
        parser, "--style", type=str, action="append", required=True, help="a painting; or several"
    )
    parser.add_argument(
        "--recipe", default="default", help="settings to begin with; see velatura recipes"
    )
    parser.add_argument("--upscale", type=int, choices=SCALES, default=1, help="enlarge at last")
    add_config_options(parser, StyleConfig, without=("mask", "style_mask"))
    parser.set_defaults(options_of=_stylize)


def _add_fast(parser: argparse.ArgumentParser) -> None:
    add_input(
        parser,
        "--style",
        type=str,
        required=True,
        help="a name that `velatura fast list` shows, or a file",
    )
    add_config_options(parser, PaintOptions)
    parser.set_defaults(options_of=_fast)


def _add_upscale(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scale", type=int, choices=SCALES, default=4, help="how many times (default: 4)"
    )
    add_input(
        parser, "--model", type=str, default="faithful", help="faithful (default) or perceptual"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.set_defaults(options_of=_upscale)


def _stylize(arguments: argparse.Namespace) -> dict[str, Any]:
    styles = [_file(style) for style in arguments.style]
    config = config_from(arguments).as_dict()
    return {"config": config, "styles": styles, "upscale": arguments.upscale}


def _fast(arguments: argparse.Namespace) -> dict[str, Any]:
    from velatura.batch.work import File

    options = PaintOptions(**given_options(arguments, PaintOptions))
    is_file = arguments.style.endswith(".safetensors")
    style = _file(arguments.style) if is_file else File(arguments.style, b"")
    return {"config": options.as_dict(), "style": style}


def _upscale(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"model": arguments.model, "scale": arguments.scale, "device": arguments.device}


def _file(uri: str) -> "File":
    from velatura.batch.storage import read_bytes
    from velatura.batch.work import File

    return File(Path(uri).name, read_bytes(uri))


def run(arguments: argparse.Namespace) -> int:
    from velatura.batch import run as batch

    if arguments.limit is not None and arguments.limit < 1:
        raise ConfigError(f"limit: expected at least 1, got {arguments.limit}")
    options_of: Callable[[argparse.Namespace], Mapping[str, Any]] = arguments.options_of
    work = batch.Batch(
        arguments.job,
        arguments.sources,
        arguments.output,
        options_of(arguments),
        f".{arguments.format}",
        arguments.limit,
        arguments.again,
    )
    ended = batch.Progress(0, 0, 0, 0.0, [])
    with INTERRUPTIONS as interruptions:
        try:
            # Ray tells of its workers on stdout, which is for JSON.
            with Path(os.devnull).open("w") as nowhere, Progress(arguments.quiet) as progress:
                lines = sys.stdout if arguments.json else nowhere

                def show(standing: "batch.Progress") -> None:
                    nonlocal ended
                    ended = standing
                    interruptions.hold()  # no line is half printed
                    _show(standing, progress, lines)
                    interruptions.release()
                    if interruptions.came:
                        raise KeyboardInterrupt

                with contextlib.redirect_stdout(nowhere):
                    ended = batch.run(work, arguments.cluster, arguments.workers, show)
        except KeyboardInterrupt:
            interruptions.hold()
            say(f"velatura: interrupted after {ended.done} pictures; go on with --again")
            return 130
    if not arguments.quiet:
        say(f"{ended.made} made, {ended.failed} failed, {ended.seconds:.1f} s: {work.target}")
    if not ended.failed:
        return 0
    return SOME_FAILED if ended.made else 2


def _show(standing: "batch.Progress", progress: Progress, lines: TextIO) -> None:
    for row in standing.rows:
        print(json.dumps(row._asdict()), file=lines, flush=True)
        if row.error:
            say(f"velatura: {row.source}: {row.error}")
    rate = standing.done / max(standing.seconds, 1e-6)
    if standing.total:
        where = f"{standing.done} of {standing.total}, {rate:.3g} a second"
        progress.at(standing.done, standing.total, standing.seconds, where)
    else:
        progress.say(f"{standing.done} done, {rate:.3g} a second")
