"""What was made of each input, from what and with what, so that `--resume` knows what is there and whole.

Beside the results, in the folder `.made`, lies a JSON file for each input that gave a body. It is written last, so an
input that was stopped half-way has none, or one that fits no longer.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..inference.errors import UserError
from ..inference.files.destination import replacing
from ..inference.models import MODELS
from ..inference.networks.priors import POSE_WEIGHTS
from .job import Job
from .no_pictures import Blank
from .table import Outcome

FOLDER = ".made"
ROOT = Path(__file__).parents[1]
NOT_OF_THE_RESULT = frozenset(
    ("command", "inputs", "keypoints", "out", "format", "device", "workers", "ray", "resume", "json")
)
"""Options that say where, how fast or for whom a result is made, not which; `inputs`, `keypoints` and `format` are
looked at by themselves. All others, also those yet to come, must be the same."""
CHANGED = {
    "program": "it was made by another version of this program",
    "source": "its input has changed",
    "options": "other options were given",
}
"""Why a result is made anew, by what differs."""


class Records:
    """What is recorded of a job's results. Raises UserError when a file that an option names cannot be read."""

    def __init__(self, job: Job):
        self._job = job
        options = {name: _plain(value) for name, value in vars(job.options).items() if name not in NOT_OF_THE_RESULT}
        self._of_all = {"program": program_digest(job.settings.size, job.settings.pose_weights), "options": options}

    def asked(self, index: int) -> dict[str, Any]:
        """All that the result of that number depends on, as JSON holds it."""
        return json.loads(json.dumps(self._of_all | {"source": _source(self._job, index)}))

    def older_files(self, outcome: Outcome) -> list[str]:
        """Files that earlier runs made of this input, with other options, and that are still there beside the new."""
        try:
            document = json.loads(self._path(outcome.name).read_text(encoding="utf-8"))
            files = dict.fromkeys([*document["digests"], *document.get("older", [])])
            return [file for file in files if file not in outcome.files and (self._job.out / file).exists()]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return []

    def write(self, asked: dict[str, Any], outcome: Outcome, older: list[str]) -> None:
        """Write down that a result was made, and which `older` files lie beside it. Where that is impossible, a remark
        says what follows."""
        path = self._path(outcome.name)
        try:
            document = {
                "asked": asked,
                "formats": self._job.written_formats,
                "digests": {file: digest_of(self._job.out / file) for file in outcome.files},
                "outcome": dataclasses.asdict(outcome),
                "older": older,
            }
            path.parent.mkdir(exist_ok=True)
            with replacing(path) as unfinished:
                unfinished.write_text(json.dumps(document), encoding="utf-8")
        except (OSError, UserError) as error:
            outcome.remarks.append(f"That this is done could not be recorded, so --resume will make it again: {error}")

    def find(self, index: int) -> tuple[Outcome | None, str]:
        """The result of that number as an earlier run made it, when it is there, whole, and what is asked for now.

        Else None, and why not, if there was a result at all.
        """
        path = self._path(self._job.names[index])
        if not path.exists():
            return None, ""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            differing = self._differing(document, self.asked(index))
            outcome = Outcome(**document["outcome"])
            _check(outcome, self._job.names[index], document["digests"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None, "what is recorded of it, or of its files, cannot be read"
        outcome.passed_over = True
        return (None, " and ".join(differing)) if differing else (outcome, "")

    def _differing(self, document: dict, asked: dict[str, Any]) -> list[str]:
        """In what a recorded result is not what is asked for: clauses for the user."""
        differing = [CHANGED[name] for name in CHANGED if document["asked"][name] != asked[name]]
        if set(self._job.written_formats) - set(document["formats"]):
            differing.append("other formats are asked for")
        files = {self._job.out / file: digest for file, digest in document["digests"].items()}
        if not all(file.exists() and digest_of(file) == digest for file, digest in files.items()):
            differing.append("its files are not as they were written")
        return differing

    def _path(self, name: str) -> Path:
        return self._job.out / FOLDER / f"{name}.json"


def _check(outcome: Outcome, name: str, digests: dict[str, str]) -> None:
    """Raise ValueError for a record that holds what nobody wrote."""
    texts = (outcome.files, outcome.remarks)
    lists = all(isinstance(one, list) and all(isinstance(text, str) for text in one) for one in texts)
    numbers = isinstance(outcome.score, float | int | None) and isinstance(outcome.seconds, float | int)
    if not (lists and numbers and outcome.name == name and set(outcome.files) == set(digests)):
        raise ValueError("a record that was changed")


@cache
def program_digest(size: str, pose_weights: str) -> str:
    """Of the code and the weights that make a result."""
    code = [file for room in ("inference", "rig", "shell") for file in (ROOT / room).rglob("*.py")]
    seeing, posing = (f"human2d_{size}", "heatmap_refiner", "finder"), (POSE_WEIGHTS[pose_weights], "temporal_prior")
    networks = (*seeing, *posing, "shape_prior")
    weights = [*(MODELS / f"{name}.onnx" for name in networks), MODELS / "body.npz"]
    return _joined(digest_of(file) for file in (*sorted(code), *weights) if file.exists())


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content, or of the names and contents of a folder's files. Raises OSError."""
    if path.is_dir():
        return _joined(f"{file.name} {digest_of(file)}" for file in sorted(path.iterdir()))
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _joined(parts: Iterator[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _source(job: Job, index: int) -> dict[str, Any]:
    """The files that a result is made of, by name, size and time of change; frames; and given keypoints."""
    items = job.items_of(index)
    files = dict.fromkeys(item.path for item in items if not isinstance(item, Blank))
    keypoints = [job.keypoints_of[item.name] for item in items if item.name in job.keypoints_of]
    points = _joined(f"{one.image_size} {one.points.tolist()}" for one in keypoints) if keypoints else None
    return {"files": [_stamp(path) for path in files], "frames": [items[0].frame, len(items)], "keypoints": points}


def _stamp(path: Path) -> list:
    try:
        found = path.stat()
    except OSError:
        return [path.name, None, None]  # What is not there is said when it is read.
    return [path.name, found.st_size, found.st_mtime_ns]


def _plain(value: Any) -> Any:
    """An option as JSON holds it: a file by what is in it."""
    if isinstance(value, Path):
        try:
            return digest_of(value)
        except OSError as error:
            raise UserError(f"{value} could not be read: {error.strerror or error}.") from error
    return value.tolist() if isinstance(value, np.ndarray) else value
