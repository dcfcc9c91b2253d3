"""Dependencies that not every user needs: the package's extras."""

import importlib
from typing import Any

from velatura.errors import ConfigError, is_out_of_memory


def import_extra(module: str, extra: str, purpose: str) -> Any:
    """The `module` that `extra` of the package installs.

    Raises ConfigError, which says for what `purpose` it is needed and how to get it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if is_out_of_memory(error):
            raise
        raise ConfigError(
            f"{purpose}: needs {module} (pip install velatura[{extra}]); {error}"
        ) from error
