"""What pictures and motions have in common: a result is made, timed, and recorded; a fault is one input's."""

import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..inference.body.body_estimate import BodyEstimate
from ..inference.engine import Engine
from ..inference.errors import UserError
from ..rig.write_files import write_files
from .job import Job
from .records import Records
from .table import Outcome


class Maker:
    """Makes the files of a job's results, one after the other, with one engine. Raises UserError when a file that an
    option names cannot be read."""

    def __init__(self, job: Job, engine: Engine):
        self.job, self.engine, self._records = job, engine, Records(job)
        self.options, self.out, self.formats = job.options, job.out, job.formats

    def make(self, index: int) -> Outcome:
        """The result of that number: written, or named with what was wrong."""
        outcome, began = Outcome(self.job.names[index]), time.perf_counter()
        asked = self._records.asked(index)  # before the input is read: if it changes meanwhile, it is to be made anew
        try:
            self._make(index, outcome)
        except UserError as error:
            outcome.error = str(error)
        except Exception as error:  # a fault of ours with one picture must not lose a night's work on the others
            traceback.print_exc()
            outcome.error = f"The engine failed, which is a fault of its own: {type(error).__name__}: {error}."
        outcome.seconds = round(time.perf_counter() - began, 3)
        older = self._records.older_files(outcome)
        if not outcome.error:
            self._records.write(asked, outcome, older)
        if older:
            outcome.remarks.append(f"Files of an earlier run, which this one did not write: {', '.join(older)}.")
        return outcome

    def _make(self, index: int, outcome: Outcome) -> None:
        """Write the files and say so in `outcome`. Raises UserError."""
        raise NotImplementedError

    def _write_npz(self, estimate: BodyEstimate, file: str) -> list[str]:
        """Write it if npz is asked for; returns the files that were written."""
        if "npz" not in self.formats:
            return []
        estimate.save(self.out / file)
        return [file]

    def _write_scene_files(
        self, estimate: BodyEstimate, behind: Path | Sequence[Path] | None, outcome: Outcome
    ) -> None:
        stem, bones = self.out / outcome.name, self.options.bones
        formats, keying = self.job.scene_formats, self.job.keying
        paths = write_files(estimate, self.engine.body, behind, stem, formats, bones, **keying)
        outcome.files += [path.name for path in paths]


def progress(steps: Iterable, done: int, count: int):
    """A line on stderr that counts pictures, `count` in all, as steps are gone through; `done` were done before."""
    from tqdm import tqdm

    return tqdm(steps, total=count, initial=done, unit="picture", disable=count < 2, file=sys.stderr)
