"""Dependencies that not every user needs: the package's extras."""

import importlib
import os
from typing import Any

from velatura.errors import MissingDependencyError, is_out_of_memory

SILENT = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime asks for its maker's host, and keeps a device id
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""What keeps libraries from sending anything. They look when they are imported, not later."""


def import_extra(module: str, extra: str, purpose: str) -> Any:
    """The `module` that `extra` of the package installs, told to send nothing to anybody.

    Raises MissingDependencyError, which says for what `purpose` it is needed and how to get it.
    """
    os.environ |= SILENT
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if is_out_of_memory(error):
            raise
        raise MissingDependencyError(
            f"{purpose}: needs {module} (pip install velatura[{extra}]); {error}"
        ) from error
