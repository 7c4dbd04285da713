"""All results of a job: what is there is passed over, the rest is made, here or by workers."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

from ..inference.networks.runtime import cores
from .cluster import Cluster
from .job import Job
from .maker import progress
from .motion import MovingPeople
from .pictures import Pictures
from .processes import Processes
from .records import Records
from .table import Outcome
from .workers import Sharing


class Batch:
    """Makes what a job asks for. `outcomes` are those that are done, by their number, also after an interruption."""

    def __init__(self, job: Job):
        """Raises UserError for what cannot work before anything is estimated."""
        self.job = job
        self.outcomes: dict[int, Outcome] = {}
        self._maker = (MovingPeople if job.options.motion else Pictures)(job, job.load_engine())
        job.make_folder()

    @property
    def in_order(self) -> list[Outcome]:
        """What is done and there, in the order of the inputs."""
        return [self._still_there(outcome) for _, outcome in sorted(self.outcomes.items())]

    def run(self) -> list[Outcome]:
        """All results, in the order of the inputs. Raises UserError when the cluster is not there, KeyboardInterrupt
        when the user stops it."""
        whys = self._pass_over() if self.job.options.resume else {}
        waiting = [index for index in range(len(self.job.names)) if index not in self.outcomes]
        with _interrupts_heard() as check, closing(self._made(waiting)) as made:  # Workers end, however this ends.
            for index, outcome in progress(made, len(self.outcomes), len(self.job.names)):
                if whys.get(index):
                    outcome.remarks.append(f"Made anew, because {whys[index]}.")
                self.outcomes[index] = outcome
                check()
        return self.in_order

    def _still_there(self, outcome: Outcome) -> Outcome:
        """The outcome without files that are gone: somebody removed them, or a worker has another disk."""
        gone = [file for file in outcome.files if not (self.job.out / file).exists()]
        if not gone:
            return outcome
        remark = f"Written, but not in {self.job.out} any more: {', '.join(gone)}."
        files = [file for file in outcome.files if file not in gone]
        return replace(outcome, files=files, remarks=[*outcome.remarks, remark])

    def _made(self, indices: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """These results, as they come."""
        options = self.job.options
        count = min(options.workers or 1, len(indices))
        if options.ray and indices:
            cluster = Cluster(self.job, options.ray, options.workers)
            return Sharing(self.job, cluster, cluster.count).run(indices)
        if count > 1:
            return Sharing(self.job, Processes(self.job, max(1, cores() // count)), count).run(indices)
        return self._made_here(indices)

    def _made_here(self, indices: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        for index in indices:
            yield index, self._maker.make(index)

    def _pass_over(self) -> dict[int, str]:
        """Take what an earlier run made; returns why the others are made anew."""
        whys, records = {}, Records(self.job)
        for index in range(len(self.job.names)):
            outcome, whys[index] = records.find(index)
            if outcome:
                self.outcomes[index] = outcome
        return whys


@contextmanager
def _interrupts_heard() -> Iterator[Callable[[], None]]:
    """Ctrl+C as Python has it, and a function that raises it again: one that comes while a library calls back is
    swallowed there."""
    heard = []

    def hear(*_) -> None:
        heard.append(True)
        raise KeyboardInterrupt

    def check() -> None:
        if heard:
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # whoever listens already shall go on to
        yield check
        return
    signal.signal(signal.SIGINT, hear)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
