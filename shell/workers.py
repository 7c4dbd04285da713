"""A job's pictures shared out among workers, each with an engine of its own: in processes, or on a cluster.

The two differ in how workers are started and heard (`Workers`); who gets what, and what follows when one dies, is
decided here, once.
"""

import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..inference.errors import UserError
from ..inference.files.destination import remove_unfinished
from .job import Job
from .table import Outcome

TRIES = 2
"""Workers that may die of one picture before it is given up."""
FALSE_STARTS = 3
"""Workers in a row that may die before they are ready, after which no more are started."""
OWN_FILES = r"(\.(overlay|mask|photo|hypothesis_\d+|\d+))*"
"""What the names of a picture's files go on with after its own name, before their ending."""


@dataclass(frozen=True)
class Ready:
    """A worker has its engine and waits for a picture."""


@dataclass(frozen=True)
class Died:
    """A worker is no more. `reason` is a clause for the user: "it was killed by signal 9"."""

    reason: str


class Workers(Protocol):
    """A kind of workers. What `start` returns stands for one of them, and can be a key."""

    def start(self) -> Any:
        """Begin to start a worker. Raises UserError when there can be none."""

    def give(self, worker: Any, index: int) -> None:
        """Let a worker that is ready make the result of that number."""

    def listen(self) -> list[tuple[Any, Ready | Outcome | Died]]:
        """Wait until at least one worker has something to say. A worker that has an outcome is ready again."""

    def stop(self) -> None:
        """End all workers at once, and what they had begun to write."""


def forget_blenders_scripts() -> None:
    """Let a worker find Blender's module: it inherits `sys.path` of a process that loaded Blender, where Blender's
    scripts come first and hide it."""
    if "bpy" not in sys.modules:
        sys.path[:] = [path for path in sys.path if not Path(path, "bpy", "__init__.py").exists()]


class Sharing:
    """Shares out a job's results among `count` workers. One that dies costs what it was making, which is tried once
    more; a fresh worker takes its place."""

    def __init__(self, job: Job, workers: Workers, count: int):
        self._job, self._workers, self._count = job, workers, count
        self._waiting: deque[int] = deque()
        self._starting, self._idle, self._busy = set(), set(), {}
        self._deaths: dict[int, str] = {}
        """Why the first worker died of a result."""
        self._false_starts: list[str] = []
        """Why workers died before they were ready, since one last was."""

    def run(self, indices: Iterable[int]) -> Iterator[tuple[int, Outcome]]:
        """The results of these numbers, as they come."""
        self._waiting.extend(indices)
        try:
            while self._waiting or self._busy:
                self._start_missing()
                self._hand_out()
                if not self._busy and not self._starting:
                    yield from self._given_up()
                    return
                for worker, said in self._workers.listen():
                    yield from self._heard(worker, said)
        finally:
            self._workers.stop()
            for index in self._busy.values():
                self._remove_unfinished(index)

    def _start_missing(self) -> None:
        while (
            len(self._starting) + len(self._idle) < len(self._waiting)
            and len(self._starting) + len(self._idle) + len(self._busy) < self._count
            and len(self._false_starts) < FALSE_STARTS
        ):
            try:
                self._starting.add(self._workers.start())
            except UserError as error:
                self._false_starts.append(str(error).rstrip("."))

    def _hand_out(self) -> None:
        while self._waiting and self._idle:
            worker, index = self._idle.pop(), self._waiting.popleft()
            self._busy[worker] = index
            self._workers.give(worker, index)

    def _heard(self, worker: Any, said: Ready | Outcome | Died) -> Iterator[tuple[int, Outcome]]:
        if isinstance(said, Died):
            yield from self._lost(worker, said.reason)
            return
        if isinstance(said, Outcome):
            yield self._busy.pop(worker), said
        self._false_starts.clear()
        self._starting.discard(worker)
        self._idle.add(worker)

    def _lost(self, worker: Any, reason: str) -> Iterator[tuple[int, Outcome]]:
        self._idle.discard(worker)
        if worker in self._starting:
            self._starting.remove(worker)
            self._false_starts.append(reason)
        index = self._busy.pop(worker, None)
        if index is None:
            return
        self._remove_unfinished(index)
        if index in self._deaths:
            yield index, self._failed(index, f"Two workers died of it: {self._deaths[index]}; then {reason}.")
        else:
            self._deaths[index] = reason
            self._waiting.appendleft(index)

    def _given_up(self) -> Iterator[tuple[int, Outcome]]:
        for index in self._waiting:
            yield index, self._failed(index, f"No worker could be started for it: {self._false_starts[-1]}.")

    def _failed(self, index: int, error: str) -> Outcome:
        return Outcome(self._job.names[index], error=error)

    def _remove_unfinished(self, index: int) -> None:
        remove_unfinished(self._job.out, re.escape(self._job.names[index]) + OWN_FILES)
