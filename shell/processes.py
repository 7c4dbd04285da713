"""Workers that are processes on this machine."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from ..inference.errors import UserError
from .job import Job
from .table import Outcome
from .workers import Died, Ready, forget_blenders_scripts

PATIENCE = 3.0
"""Seconds in which processes that are told to end may tidy up."""


@dataclass(frozen=True, eq=False)
class _Worker:
    process: BaseProcess
    connection: Connection


class Processes:
    """Workers (see `workers.Workers`) of `threads` threads each."""

    def __init__(self, job: Job, threads: int):
        self._job, self._threads = job, threads
        self._workers: dict[Connection, _Worker] = {}
        # Not forked: neither onnxruntime's threads nor Blender survive that.
        self._context = get_context("spawn")

    def start(self) -> _Worker:
        try:
            ours, theirs = self._context.Pipe()
            with closing(theirs), _interrupts_held_back():
                process = self._context.Process(target=serve, args=(theirs, self._job, self._threads), daemon=True)
                process.start()
        except OSError as error:
            raise UserError(f"The system gives no further process: {error.strerror or error}.") from error
        self._workers[ours] = _Worker(process, ours)
        return self._workers[ours]

    def give(self, worker: _Worker, index: int) -> None:
        with suppress(OSError):  # It is dead, which `listen` will tell.
            worker.connection.send(index)

    def listen(self) -> list[tuple[_Worker, Ready | Outcome | Died]]:
        return [(self._workers[connection], self._said(connection)) for connection in wait(list(self._workers))]

    def _said(self, connection: Connection) -> Ready | Outcome | Died:
        try:
            said = connection.recv()
        except (EOFError, OSError):
            process = self._workers[connection].process
            process.join(PATIENCE)
            said = Died(_ending(process.exitcode))
        if isinstance(said, Died):
            del self._workers[connection]
            connection.close()
        return said

    def stop(self) -> None:
        with _interrupts_held_back():
            processes = [worker.process for worker in self._workers.values()]
            for process in processes:
                process.terminate()
            until = time.monotonic() + PATIENCE
            for process in processes:
                process.join(max(0.0, until - time.monotonic()))
                process.kill()
                process.join()
            for connection in self._workers:
                connection.close()
            self._workers.clear()


def serve(connection: Connection, job: Job, threads: int) -> None:
    """What a worker does: make what it is told to, until nobody tells it any more."""
    # Ctrl+C reaches all processes of a terminal. The first one decides what follows, and ends the others by SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.dup2(2, 1)  # The results go to standard output, and Blender tells there what it thinks of being ended.
    forget_blenders_scripts()
    import cv2

    from .pictures import Pictures

    cv2.setNumThreads(threads)
    with suppress(EOFError, OSError):  # Whoever told it is gone.
        try:
            pictures = Pictures(job, job.load_engine(threads))
        except UserError as error:
            connection.send(Died(str(error).rstrip(".")))
            return
        connection.send(Ready())
        while True:
            connection.send(pictures.make(connection.recv()))


def _ending(status: int | None) -> str:
    """How a process ended, as a clause."""
    if status is not None and status < 0:
        killed = f"it was killed by signal {-status}"
        return f"{killed}, as systems do that run out of memory" if -status == getattr(signal, "SIGKILL", 9) else killed
    return f"it ended with status {status}"


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let Ctrl+C wait until the block ends. Processes that are started meanwhile never hear of it."""
    if os.name != "posix":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
