"""Where runs compute: what a task's loss needs moves to the device with the task, and with each batch."""

from contextlib import nullcontext

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from body_from_image.inference.body.body_model import BodyModel  # noqa: E402
from body_from_image.training.hmr import train as hmr  # noqa: E402
from body_from_image.training.lifting import reconstruction  # noqa: E402
from body_from_image.training.priors import pose_prior, shape_prior  # noqa: E402
from body_from_image.training.runs import run  # noqa: E402
from body_from_image.training.runs.command_line import parse_run  # noqa: E402
from body_from_image.training.runs.device import chosen_device  # noqa: E402


def hmr_task() -> hmr.HMRTask:
    real = hmr.RealBodies(BodyModel.load(), 8)
    rotations, betas = real.draw(4, np.random.default_rng(0))
    known = {"known": np.ones(4, np.float32), "space": np.zeros((4, 25, 3), np.float32)}
    seen = {"points": np.zeros((4, 25, 2), np.float32), "weight": np.ones((4, 25), np.float32)}
    features = np.zeros((4, 1280, 8, 8), np.uint8)
    config = hmr.Config(batch=2, channels=2, width=8)
    return hmr.HMRTask(config, {"features": features, "rotations": rotations, "betas": betas, **known, **seen}, real)


@pytest.fixture
def meta(monkeypatch) -> torch.device:
    """Torch's meta device, which computes shapes alone, and refuses to mix them with tensors of the processor, as a GPU
    does. It knows neither a fused optimiser nor mixed precision."""
    monkeypatch.setattr(torch, "autocast", lambda *given, **named: nullcontext())
    plain, item = torch.optim.AdamW, torch.Tensor.item
    monkeypatch.setattr(torch.optim, "AdamW", lambda *given, fused, **named: plain(*given, **named))
    monkeypatch.setattr(torch.Tensor, "item", lambda value: 0.0 if value.is_meta else item(value))
    return torch.device("meta")


TASKS = {
    "hmr": hmr_task,
    "pose-prior": lambda: pose_prior.PoseTask(pose_prior.Config(batch=2, width=8, vertices=5)),
    "shape-prior": lambda: shape_prior.ShapeTask(shape_prior.Config(batch=2)),
    "reconstruction": lambda: reconstruction.ReconstructionTask(reconstruction.Config(batch=2, width=8)),
}


@pytest.mark.parametrize("name", TASKS)
def test_nothing_that_a_step_needs_stays_behind(name, packs, tmp_path, meta):
    task = TASKS[name]()
    batch = task.make_batch(np.random.default_rng(0))
    one = run.Run(task, tmp_path / "run", device=meta)
    loss, terms = task.loss({name: values.to(one.device) for name, values in batch.items()})
    assert loss.is_meta and set(terms.values()) == {0.0}
    loss.backward()
    assert all(value.is_meta for value in (*task.parameters(), *task.buffers()))
    # Indices on another device are not refused there, so that no module may hold tensors that do not move with it.
    assert not [
        name for part in task.modules() for name, value in vars(part).items() if isinstance(value, torch.Tensor)
    ]


def test_a_batch_comes_to_the_device_in_one_place(tmp_path, meta):
    class Task(torch.nn.Module):
        config = run.RunConfig(iterations=2)

        def __init__(self):
            super().__init__()
            self.network, self.extra = torch.nn.Linear(2, 1), torch.nn.Module()

        def loss(self, batch):
            assert batch["x"].is_meta
            return self.network(batch["x"]).sum(), {"loss": 0.0}

    one = run.Run(Task(), tmp_path, device=meta)
    assert one.step({"x": torch.zeros(3, 2)}) == {"loss": 0.0}


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a CUDA device")
def test_a_device_that_is_not_there_is_told_in_a_sentence(capsys):
    assert chosen_device("auto").type == chosen_device("cpu").type == "cpu"
    with pytest.raises(SystemExit):
        parse_run(["--device", "cuda"], run.RunConfig, "hmr", "")
    assert "torch finds no CUDA device here" in capsys.readouterr().err
