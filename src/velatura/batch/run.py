"""A batch from its sources to its manifest, on Ray Data."""

import contextlib
import logging
import os
import posixpath
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from velatura.batch.manifest import FAILED, MADE, Manifest, Row, remaining, schema
from velatura.batch.sources import arrow, from_parquet, is_parquet, listed, tables
from velatura.batch.storage import EXTRA, WHAT, Target, check_target, file_system, read_bytes
from velatura.batch.work import Make, prepared
from velatura.errors import ConfigError, ImageError, VelaturaError, in_one_line
from velatura.extras import import_extra

STORE_BYTES = 200_000_000  # of Ray's shared memory on this machine: only names travel
ROWS = {"stylize": 1, "fast": 8, "upscale": 1}  # pictures a worker takes at once
TRIES = 3  # of a picture whose worker is killed


@dataclass(frozen=True)
class Batch:
    """What is done to which pictures, and where the results go.

    `options` are those of the job (`velatura.batch.work`). `form` is the ending of the pictures.
    `limit` is the most pictures to work on. With `again` a batch that was begun in `target` goes
    on: what is missing or failed is done, and nothing else.
    """

    job: str
    sources: Sequence[str]
    target: str
    options: Mapping[str, Any]
    form: str = ".png"
    limit: int | None = None
    again: bool = False


class Progress(NamedTuple):
    """How far a batch is."""

    made: int
    failed: int
    total: int | None  # pictures to work on, if that is known
    seconds: float
    rows: list[Row]  # the latest

    @property
    def done(self) -> int:
        """Pictures that were worked on."""
        return self.made + self.failed


class Begun:
    """How often work on each picture was begun and not ended: an actor that workers share."""

    def __init__(self) -> None:
        self.times: dict[str, int] = {}

    def begin(self, uri: str) -> int:
        """Count a beginning; return how many there were."""
        self.times[uri] = self.times.get(uri, 0) + 1
        return self.times[uri]

    def end(self, uri: str) -> None:
        """Forget it: the work has ended, well or not."""
        self.times.pop(uri, None)


class Worker:
    """Works on tables of sources in a process of its own; models are loaded once."""

    def __init__(
        self, job: str, options: Mapping[str, Any], target: str, form: str, begun: Any
    ) -> None:
        self.make: Make = prepared(job, options)
        self.target, self.form, self.begun = Target(target), form, begun

    def __call__(self, table: Any) -> Any:
        """The manifest's rows for a table of sources."""
        rows = [self._counted(source) for source in table.to_pylist()]
        return arrow().Table.from_pylist([row._asdict() for row in rows], schema=schema())

    def _counted(self, source: Mapping[str, Any]) -> Row:
        """The row of a source; Ray calls again for the sources of a worker that was killed."""
        import ray

        if ray.get(self.begun.begin.remote(source["uri"])) > TRIES:
            why = f"its worker was killed {TRIES} times; there may be too little memory for it"
            row = Row(source["uri"], "", FAILED, 0, 0, 0.0, "", why)
        else:
            row = self._row(source)
        self.begun.end.remote(source["uri"])
        return row

    def _row(self, source: Mapping[str, Any]) -> Row:
        import json

        from velatura.images.io import write

        began = time.monotonic()
        uri, name = source["uri"], f"{source['name']}{self.form}"
        try:
            contents = source.get("contents") or read_bytes(uri)
            self._check_free(name, posixpath.basename(uri))
            made = self.make(contents, posixpath.basename(uri))
            place = self.target.put(name, lambda path: write(path, made.image, made.settings))
        except Exception as error:  # a picture may make any library fail in its own way
            why = in_one_line(error).removeprefix(f"{uri}: ")
            return Row(uri, "", FAILED, 0, 0, time.monotonic() - began, "", why)
        width, height = made.image.size
        seconds = time.monotonic() - began
        return Row(uri, place, MADE, width, height, seconds, json.dumps(made.settings), "")

    def _check_free(self, name: str, content: str) -> None:
        """Raise ImageError if a file is there that Velatura did not make of this picture."""
        from velatura.images.io import read_settings

        if not self.target.exists(name):
            return
        with tempfile.TemporaryDirectory(prefix="velatura-") as folder:
            copy = Path(folder, posixpath.basename(name))
            copy.write_bytes(read_bytes(self.target.place(name)))
            try:
                mine = read_settings(copy).get("content") == content
            except ImageError:
                mine = False
        if not mine:
            raise ImageError(
                f"{self.target.place(name)}: is there already, and not made of this picture by "
                "Velatura; it is left as it is"
            )


@contextlib.contextmanager
def cluster(address: str | None, workers: int | None) -> Iterator[int]:
    """Ray, of this machine or at an `address`; yields how many workers there are.

    Of this machine it is started and ended here, bound to 127.0.0.1, without a dashboard.
    Raises ConfigError if there is none, or it is not installed.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if not address:  # or it would listen on the machine's own address, whatever it is told
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    ray = import_extra("ray", EXTRA, WHAT)
    import_extra("ray.data", EXTRA, WHAT)
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if workers is not None and workers < 1:
        raise ConfigError(f"workers: expected at least 1, got {workers}")
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if ray.is_initialized():
        yield workers or int(ray.cluster_resources()["CPU"])
        return
    with contextlib.ExitStack() as until_end:
        if address:
            settings["address"] = address
        else:
            folder = tempfile.TemporaryDirectory(prefix="velatura-", ignore_cleanup_errors=True)
            settings |= {
                "address": "local",
                "num_cpus": workers or os.cpu_count() or 1,
                "include_dashboard": False,
                "object_store_memory": STORE_BYTES,
                "_node_ip_address": "127.0.0.1",
                "_temp_dir": until_end.enter_context(folder),  # its logs, and its sockets
            }
        try:
            ray.init(**settings)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            raise ConfigError(f"cluster: cannot be used ({in_one_line(error)})") from error
        until_end.callback(ray.shutdown)
        yield workers or int(ray.cluster_resources().get("CPU", 1))


def run(
    batch: Batch,
    address: str | None = None,
    workers: int | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> Progress:
    """Do a batch; return how it ended.

    `on_progress` is called as pictures are done. Ended by an exception, by KeyboardInterrupt too,
    the manifest holds what was done.

    Raises:
        ConfigError: an option is wrong, Ray is missing, or a batch was begun in the target before.
        ImageError, FileError: no source can be read, or the target cannot be written to.
    """
    target = Target(batch.target)
    manifest = Manifest(target)
    if manifest.exists() and not batch.again:
        raise ConfigError(
            f"{batch.target}: holds a batch already; go on with it by the option again, or name "
            "another folder"
        )
    prepared(batch.job, batch.options)  # what is wrong is told once, and now
    check_target(target)
    made = manifest.made()
    parquet = [uri for uri in batch.sources if is_parquet(uri)]
    if parquet and len(parquet) < len(batch.sources):
        raise ConfigError("sources: expected Parquet files alone, or none among others")
    names = [] if parquet else listed(batch.sources)
    kept = [
        part for part in (remaining(t, made) for t in tables(names, ROWS[batch.job])) if len(part)
    ]
    total = None if parquet else sum(map(len, kept))
    if batch.limit is not None:
        kept, total = _first(kept, batch.limit), total and min(total, batch.limit)
    began = time.monotonic()
    progress = Progress(0, 0, total, 0.0, [])
    if not parquet and not kept:
        return progress
    with cluster(address, workers) as count:
        dataset = _dataset(kept, parquet, made, batch.limit)
        try:
            for table in _worked(dataset, batch, len(kept), count):
                rows = [Row(**row) for row in table.to_pylist()]
                manifest.add(rows)
                failed = sum(row.status == FAILED for row in rows)
                progress = Progress(
                    progress.made + len(rows) - failed,
                    progress.failed + failed,
                    total,
                    time.monotonic() - began,
                    rows,
                )
                if on_progress:
                    on_progress(progress)
        finally:
            manifest.write()
    return progress


def _first(parts: list[Any], limit: int) -> list[Any]:
    """The first `limit` rows of tables."""
    kept = []
    for part in parts:
        if limit <= 0:
            break
        kept.append(part.slice(0, limit))
        limit -= len(kept[-1])
    return kept


def _dataset(kept: list[Any], parquet: list[str], made: Any, limit: int | None) -> Any:
    """Ray's data set of the sources."""
    ray_data = import_extra("ray.data", EXTRA, WHAT)
    context = ray_data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    if not parquet:
        return ray_data.from_arrow(kept)
    files, paths = file_system(parquet[0])[0], [file_system(uri)[1] for uri in parquet]
    dataset = ray_data.read_parquet(paths, filesystem=files)
    dataset = dataset.limit(limit) if limit is not None else dataset
    return dataset.map_batches(
        lambda table: remaining(from_parquet(table), made),
        batch_size=1024,
        batch_format="pyarrow",
    )


def _worked(dataset: Any, batch: Batch, tables: int, workers: int) -> Iterator[Any]:
    """The manifest's rows, in tables, as the workers have them; of so many `tables`, if known."""
    ray = import_extra("ray", EXTRA, WHAT)
    gpus = int(ray.cluster_resources().get("GPU", 0))
    most = gpus or workers
    pool = ray.data.ActorPoolStrategy(min_size=min(most, tables or 1), max_size=most)
    worked = dataset.map_batches(
        Worker,
        fn_constructor_args=(
            *(batch.job, batch.options, batch.target, batch.form),
            ray.remote(num_cpus=0)(Begun).remote(),
        ),
        batch_size=ROWS[batch.job],
        batch_format="pyarrow",
        compute=pool,
        num_cpus=1,
        num_gpus=1 if gpus else 0,
    )
    try:
        yield from worked.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
    except Exception as error:
        if isinstance(error, VelaturaError):
            raise
        raise VelaturaError(f"the batch ended ({in_one_line(error)[:300]})") from error
