"""`velatura stylize`: paint a photograph in the style of a painting."""

import argparse
import dataclasses
import json
from pathlib import Path

from velatura.cli.options import add_config_options, config_from
from velatura.cli.painting import SECONDS_BETWEEN_CHECKPOINTS, STATE, Commission, paint
from velatura.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("content", type=Path, help="the photograph")
    parser.add_argument("styles", type=Path, nargs="+", metavar="style", help="the painting(s)")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="where to write; the ending says what"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument(
        "--checkpoint", type=Path, metavar="DIR", help="keep the state there, for velatura resume"
    )
    parser.add_argument(
        "--checkpoint-seconds",
        type=float,
        metavar="SECONDS",
        default=SECONDS_BETWEEN_CHECKPOINTS,
        help="how often (default: %(default)g)",
    )
    add_config_options(parser)


def run(arguments: argparse.Namespace) -> int:
    from velatura.images.io import check_writable

    commission = Commission(
        arguments.content, arguments.styles, arguments.output, config_from(arguments)
    )
    checkpoint: Path | None = arguments.checkpoint
    if checkpoint:
        if (checkpoint / STATE).exists():
            raise ConfigError(
                f"checkpoint: {checkpoint} holds a painting that is not finished; go on with "
                f"`velatura resume {checkpoint}`, or name another folder"
            )
        check_writable(commission.output)
        commission = _with_memory_fixed(commission)
        commission.save(checkpoint)
    report, interrupted = paint(
        commission,
        quiet=arguments.quiet,
        checkpoint=checkpoint,
        seconds_between=arguments.checkpoint_seconds,
    )
    if arguments.json and report:
        print(json.dumps(report))
    return 130 if interrupted else 0


def _with_memory_fixed(commission: Commission) -> Commission:
    """Name the memory that is free now, so that a resumed painting has the same tiles."""
    from velatura.painting.engine import pick_device
    from velatura.painting.memory import limit_bytes

    config = commission.config
    limit = limit_bytes(config.memory, pick_device(config.device))
    config = dataclasses.replace(config, memory=f"{limit / 1e6:.0f}MB")
    return dataclasses.replace(commission, config=config)
