"""Other packages' warnings, kept away for a while, in all threads alike."""

import re
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_lock = threading.Lock()
_quiet: Counter[str] = Counter()  # how many blocks each pattern is in force for


@contextmanager
def quiet(modules: str) -> Iterator[None]:
    """Ignore warnings raised in modules whose names match a pattern, while any such block runs.

    `warnings.catch_warnings` is no way to do that where threads are: what it restores in the end
    is what another thread had set in between.
    """
    with _lock:
        _quiet[modules] += 1
        warnings.filterwarnings("ignore", module=modules)  # in front, and only once
    try:
        yield
    finally:
        with _lock:
            _quiet[modules] -= 1
            if not _quiet[modules]:
                with suppress(ValueError):  # somebody has reset the filters
                    warnings.filters.remove(  # type: ignore[attr-defined]
                        ("ignore", None, Warning, re.compile(modules), 0)
                    )
