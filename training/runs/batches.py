"""Endless batches for a DataLoader, each made anew."""

from collections.abc import Callable

import numpy as np
import torch
from torch.utils.data import IterableDataset


class Batches(IterableDataset):
    """What `make(rng)` returns, over and over. Seed, the iteration a run goes on from, and the worker decide the
    draws."""

    def __init__(self, make: Callable, seed: int, start: int):
        self.make, self.seed, self.start = make, seed, start

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, self.start, worker.id if worker else 0])
        while True:
            yield self.make(rng)
