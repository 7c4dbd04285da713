"""Several processes train one network on one machine, each on its own share of every batch:

    python -m torch.distributed.run --nproc-per-node 2 -m body_from_image.training human2d …

On two Zen 3 cores they see 14 crops a second, with the samples made on the same cores; one thread trains 10 and two
threads 15 a second of samples that are there.
"""

import os
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import torch
from torch import distributed

PATIENCE = timedelta(hours=3)
"""For which processes wait for each other: the leader alone reviews labels, which takes that long on a processor."""


@dataclass(frozen=True)
class Share:
    """This process is number `rank` of `count`."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes logs and weights."""
        return self.rank == 0


ALONE = Share()
"""The only process."""


def join() -> Share:
    """Meet the other processes, if torch's launcher started any."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return ALONE
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    return Share(distributed.get_rank(), count)


def leave() -> None:
    """Part from the other processes, if there were any."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def average_gradients(model: torch.nn.Module, share: Share) -> None:
    """Give every process the mean of all processes' gradients, so that their weights stay the same."""
    if share.count == 1:
        return
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    together = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(together)
    together /= share.count
    for gradient, mean in zip(gradients, together.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def as_the_leader(values: np.ndarray, share: Share) -> np.ndarray:
    """What the leading process has for `values`, of whose shape all others have some, too."""
    if share.count == 1:
        return values
    common = torch.as_tensor(values, device=f"cuda:{share.rank}" if torch.cuda.is_available() else "cpu")
    distributed.broadcast(common, 0)
    return common.numpy(force=True)
