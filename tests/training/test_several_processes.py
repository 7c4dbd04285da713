"""Training in several processes: what they learn together is what one would learn alone."""

import os
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from body_from_image.training.data.photos2d import SYNTHETIC, LabelledCrop  # noqa: E402
from body_from_image.training.human2d import own_teacher  # noqa: E402
from body_from_image.training.runs.several_processes import Share, as_the_leader, average_gradients, join, leave  # noqa: E402
from body_from_image.training.runs.shared_statistics import SharedBatchNorm, share_statistics  # noqa: E402
from torch import nn  # noqa: E402


def small_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.BatchNorm2d(2))


def batch() -> torch.Tensor:
    """Crops of which the second half is far brighter than the first: no half's statistics are the whole's."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(4, 3, 8, 8, generator=generator) + torch.tensor([0.0, 0.0, 5.0, 5.0])[:, None, None, None]


def learnt(network: nn.Module, crops: torch.Tensor, share: Share) -> dict[str, torch.Tensor]:
    """What a step with these crops leaves: gradients and statistics."""
    network(crops).square().mul(torch.arange(6.0)).mean().backward()
    average_gradients(network, share)
    gradients = {f"{name}.grad": parameter.grad for name, parameter in network.named_parameters()}
    return gradients | {name: value.clone() for name, value in network.named_buffers()}


def one_process(folder: str) -> None:
    """What each of the processes of the test below does."""
    torch.set_num_threads(1)
    share, network = join(), small_network()
    share_statistics(network, share)
    torch.save(learnt(network, batch()[2 * share.rank :][:2], share), os.path.join(folder, f"{share.rank}.pt"))
    assert as_the_leader(np.full(3, share.rank, np.float32), share).tolist() == [0, 0, 0]
    leave()


@pytest.mark.slow
def test_two_processes_learn_what_one_with_the_whole_batch_does(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", __file__]
    subprocess.run([*command, str(tmp_path)], check=True, timeout=300)
    alone = learnt(small_network(), batch(), Share())
    for rank in range(2):
        together = torch.load(tmp_path / f"{rank}.pt")
        assert together.keys() == alone.keys()
        for name, value in alone.items():
            torch.testing.assert_close(together[name], value, rtol=1e-4, atol=1e-5, msg=f"{name} of process {rank}")


def test_a_single_process_keeps_torchs_own_and_weights_keep_their_names():
    network = small_network()
    share_statistics(network, Share())
    assert type(network[1]) is nn.BatchNorm2d
    names, weight = list(network.state_dict()), network[1].weight
    share_statistics(network, Share(0, 2))
    assert type(network[1]) is type(network[4]) is SharedBatchNorm
    assert list(network.state_dict()) == names and torch.equal(network[1].weight, weight)
    crops = batch()
    assert torch.equal(network.eval()(crops), small_network().eval()(crops))


def test_the_leading_process_alone_asks_the_teacher_and_all_hear_it(monkeypatch):
    image, silhouette = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8)
    crops = [LabelledCrop(0, SYNTHETIC, image, np.zeros((25, 3), np.float32), silhouette, False)]
    word = np.full((1, 25, 3), 1, np.float32)
    monkeypatch.setattr(own_teacher, "_word_of", lambda average, crops: word)
    (led,) = own_teacher.reviewed(crops, None, Share(0, 1))
    assert (led.keypoints[:, :2] == 1).all() and (led.keypoints[:, 2] > 0).all()

    monkeypatch.setattr(own_teacher, "_word_of", None)
    monkeypatch.setattr(own_teacher, "as_the_leader", lambda own, share: word if own.shape == word.shape else None)
    (follows,) = own_teacher.reviewed(crops, None, Share(1, 2))
    assert (follows.keypoints == led.keypoints).all()


if __name__ == "__main__":
    one_process(sys.argv[1])
