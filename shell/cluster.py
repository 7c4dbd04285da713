"""Workers that are actors of Ray, on one machine or many that see the same folders."""

import logging
import os
import socket
from contextlib import suppress
from typing import Any

from ..inference.errors import UserError
from ..inference.networks.runtime import cores
from .job import Job
from .table import Outcome
from .workers import Died, Ready, forget_blenders_scripts

LOCAL = "local"
"""Instead of an address: a cluster of this machine alone, which ends with the command."""
ANSWERS_WITHIN = 10.0
"""Seconds in which a cluster's address takes a connection."""
CORES_EACH = 2
"""Of an engine, where `--workers` does not say how many there are to be."""


class Cluster:
    """Workers (see `workers.Workers`) on a Ray cluster; `count` is how many there can be. Raises UserError when Ray is
    not installed, or the cluster is not there."""

    def __init__(self, job: Job, address: str, workers: int | None):
        self._ray = _connected(address, workers)
        total = int(self._ray.cluster_resources().get("CPU", 0))
        self.count = workers or max(1, total // CORES_EACH)
        if self.count > total:
            self._ray.shutdown()
            raise UserError(f"The cluster has {total} cores, which is too few for {self.count} workers. Ask for fewer.")
        nodes = [int(node["Resources"].get("CPU", 0)) for node in self._ray.nodes() if node["Alive"]]
        threads = max(1, min(total // self.count, min(cpus for cpus in nodes if cpus)))
        # What is tried again is decided in `workers`, for processes and actors alike; so Ray tries nothing again.
        self._actor = self._ray.remote(num_cpus=threads, max_restarts=0, max_task_retries=0)(Remote)
        self._arguments = (self._ray.put(job), threads, os.getcwd())
        self._awaited: dict[Any, Any] = {}
        """The worker that each pending answer is to come from."""

    def start(self) -> Any:
        actor = self._actor.remote(*self._arguments)
        self._awaited[actor.load.remote()] = actor
        return actor

    def give(self, worker: Any, index: int) -> None:
        self._awaited[worker.make.remote(index)] = worker

    def listen(self) -> list[tuple[Any, Ready | Outcome | Died]]:
        answers, _ = self._ray.wait(list(self._awaited), num_returns=1)
        return [(self._awaited.pop(answer), self._said(answer)) for answer in answers]

    def _said(self, answer: Any) -> Ready | Outcome | Died:
        try:
            return self._ray.get(answer)
        except self._ray.exceptions.RayTaskError as error:
            return Died(f"it failed: {str(error.cause).rstrip('.')}")
        except self._ray.exceptions.RayError as error:
            return Died(f"Ray lost it ({type(error).__name__}), as when it is killed or memory runs out")

    def stop(self) -> None:
        for actor in set(self._awaited.values()):
            with suppress(self._ray.exceptions.RayError):
                self._ray.kill(actor)
        self._ray.shutdown()


class Remote:
    """What a worker does, wherever it is."""

    def __init__(self, job: Job, threads: int, folder: str):
        self._job, self._threads = job, threads
        with suppress(OSError):  # It may not be there on another machine; absolute paths are right all the same.
            os.chdir(folder)

    def load(self) -> Ready | Died:
        """Load the engine."""
        forget_blenders_scripts()
        import cv2

        from .pictures import Pictures

        cv2.setNumThreads(self._threads)
        try:
            self._pictures = Pictures(self._job, self._job.load_engine(self._threads))
        except UserError as error:
            return Died(str(error).rstrip("."))
        return Ready()

    def make(self, index: int) -> Outcome:
        """The result of that number."""
        return self._pictures.make(index)


def _connected(address: str, workers: int | None) -> Any:
    """The module `ray`, connected to a cluster. Raises UserError."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # It would report to its makers.
    try:
        import ray
    except ImportError as error:
        raise UserError('--ray needs Ray: pip install "body-from-image[cluster]".') from error
    _check_there(address)
    options = {"num_cpus": max(cores(), workers or 1), "include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except Exception as error:  # Ray raises plain ones, too, as when this machine is too busy for its half a minute
        failed = "Ray did not start here" if address == LOCAL else f"No Ray cluster answers at {address}"
        raise UserError(f"{failed}: {str(error).splitlines()[0]}") from error
    return ray


def _check_there(address: str) -> None:
    """Raise UserError for a HOST:PORT that nobody answers at: Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=ANSWERS_WITHIN).close()
    except (OSError, OverflowError) as error:
        raise UserError(f"No Ray cluster answers at {address}: {error}.") from error
