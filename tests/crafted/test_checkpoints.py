"""Mutated checkpoints give what was written or one error."""

import torch
from hypothesis import assume
from tests.crafted.mutated import examples, for_all, mutated, outcome

from velatura.errors import CheckpointError
from velatura.painting import checkpoint
from velatura.painting.config import StyleConfig
from velatura.session.job import FILE_NAME, Job
from velatura.training import loop


@examples
def test_the_state_of_a_painting_is_the_one_that_was_written_or_refused(tmp_path, examples):
    path = tmp_path / "state.safetensors"
    memory = {
        "gamma": torch.tensor(0.5),
        "s0": torch.rand(1, 3, 4, 5),
        "y0": torch.rand(1, 3, 4, 5),
    }
    state = checkpoint.State(7, 1.5, torch.rand(1, 3, 4, 5), memory)
    checkpoint.save(path, state)

    def promise(content):
        assume(b'"crc32":"' in content)
        path.write_bytes(content)
        found, told = outcome(lambda: checkpoint.load(path), CheckpointError)
        if told:
            assert "state.safetensors: expected a checkpoint" in told
            assert "\n" not in told
            return
        assert (found.number, found.seconds) == (7, 1.5)
        assert torch.equal(found.image, state.image)
        assert found.optimizer.keys() == memory.keys()
        assert all(torch.equal(found.optimizer[name], memory[name]) for name in memory)

    words = [b"number", b"7", b"1.5", b"F32", b"[1,3,4,5]", b"image", b"optimizer.", b"velatura"]
    for_all(mutated(path.read_bytes(), words), examples, promise)


@examples
def test_the_state_of_a_training_is_the_one_that_was_written_or_refused(tmp_path, examples):
    path = tmp_path / "state"
    tensors = {"model.weight": torch.rand(2, 3), "sought.a": torch.tensor(1.0).double()}
    loop.save(path, loop.Progress(7, 1.5, tensors), {"options": {"steps": 9}})

    def promise(content):
        assume(b'"crc32":"' in content)
        path.write_bytes(content)
        found, told = outcome(lambda: loop.load(path, {"options": {"steps": 9}}), CheckpointError)
        if told:
            assert "state: expected an unfinished training" in told
            assert "\n" not in told
            return
        assert (found.number, found.seconds) == (7, 1.5)
        assert all(torch.equal(found.tensors[name], tensors[name]) for name in tensors)

    for_all(mutated(path.read_bytes(), [b"number", b"7", b"1.5", b"F64"]), examples, promise)


@examples
def test_what_is_to_be_painted_is_sound_or_refused(files, examples):
    job = Job(
        files / "photo.png", [files / "painting.png"], StyleConfig(steps=(3, 2)), files / "out.png"
    )
    job.save(files / "state")
    path = files / "state" / FILE_NAME

    def promise(content):
        path.write_bytes(content)
        found, told = outcome(lambda: Job.load(files / "state"), CheckpointError)
        if told:
            assert len(told.splitlines()) == 1
            return
        assert isinstance(found.config, StyleConfig)
        assert all(image.is_file() for image in found.inputs)
        assert isinstance(found.output.name, str)
        assert "\0" not in str(found.output)

    words = [b"photo.png", b"painting.png", b"out.png", b"0.7", b"false", b"[", b"content", b"3,"]
    for_all(mutated(path.read_bytes(), words), examples, promise)
