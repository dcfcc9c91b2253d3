import os

import pytest
import torch
from safetensors.torch import save_file

from velatura.images import tensorfile


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_file_has_the_rights_that_its_writer_gives_new_files(tmp_path, mask):
    before = os.umask(mask)
    try:
        tensorfile.write(tmp_path / "a.safetensors", {"x": torch.zeros(3)}, {"is": "a test"})
    finally:
        os.umask(before)
    assert (tmp_path / "a.safetensors").stat().st_mode & 0o777 == 0o666 & ~mask
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_what_is_written_is_read(tmp_path):
    tensorfile.write(tmp_path / "a.safetensors", {"x": torch.arange(3.0)}, {"is": "a test"})
    tensors, about = tensorfile.read(tmp_path / "a.safetensors")
    assert torch.equal(tensors["x"], torch.arange(3.0))
    assert about == tensorfile.read_about(tmp_path / "a.safetensors") == {"is": "a test"}
    arrays, _ = tensorfile.read_arrays(tmp_path / "a.safetensors")
    assert arrays["x"].tolist() == [0, 1, 2]


def test_a_flipped_bit_is_told(tmp_path):
    path = tmp_path / "a.safetensors"
    tensorfile.write(path, {"x": torch.arange(30.0), "y": torch.tensor(1.0)}, {"is": "a test"})
    whole = bytearray(path.read_bytes())
    whole[-50] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="checksum"):
        tensorfile.read(path)


def test_a_file_of_before_there_were_checksums_is_read(tmp_path):
    save_file({"x": torch.arange(3.0)}, tmp_path / "a", metadata={"velatura": '{"is": "old"}'})
    tensors, about = tensorfile.read(tmp_path / "a")
    assert tensors["x"].tolist() == [0, 1, 2]
    assert about == {"is": "old"}
