"""The public face."""

import subprocess
import sys

import pytest

import velatura


def test_every_public_name_is_there_and_documented():
    assert len(velatura.__all__) > 15
    for name in velatura.__all__:
        value = getattr(velatura, name)
        assert name == "__version__" or isinstance(value, dict) or value.__doc__


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="nonexistent"):
        _ = velatura.nonexistent


def test_importing_loads_no_torch():
    code = "import sys, velatura; sys.exit('torch' in sys.modules or 'PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
