"""The engine in a process of its own: requests and answers as JSON, one a line, on stdin and stdout.

=========  ================================================================  ========================================
`do`       with                                                              last answer
=========  ================================================================  ========================================
estimate   `path`, `box` (x, y, width, height) or null, `settings` (the      {"result": {"estimate": npz, "photo":
           fields of `engine.Settings`), `folder` to write to                upright picture, "remarks": [sentence],
                                                                             "provider": onnxruntime's}}
ping                                                                         {"result": {"package", "python",
                                                                             "onnxruntime", "providers"}}
quit                                                                         none: the process ends, as it does when
                                                                             stdin is closed
=========  ================================================================  ========================================

On the way there are {"progress": 0–1, "stage": what is being done}; a fault ends a request with {"error": sentence},
and the next one is served as ever. Networks and body stay loaded from one request to the next.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import numpy as np

from .errors import UserError

Answer = Callable[[dict], None]


def main() -> None:
    """Serve stdin until it ends."""
    answers = _take_stdout()

    def answer(message: dict) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    with open(0, encoding="utf-8", closefd=False) as requests:
        serve(requests, answer)


def _take_stdout() -> TextIO:
    """Keep stdout for the answers alone: what libraries print, also native ones, goes to stderr from here on."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return answers


def serve(requests: Iterable[str], answer: Answer) -> None:
    """Answer requests, one line each, until `quit` or the end."""
    worker = Worker()
    for line in requests:
        request = json.loads(line)
        do = request.pop("do")
        if do == "quit":
            return
        try:
            answer({"result": {"ping": ping, "estimate": worker.estimate}[do](answer, **request)})
        except UserError as error:
            answer({"error": str(error)})
        except Exception as error:  # whatever went wrong with this photo, the next one may be fine
            traceback.print_exc()
            answer({"error": f"The engine failed, which is a fault of its own: {type(error).__name__}: {error}."})


def ping(answer: Answer) -> dict:
    """What this process runs on."""
    import onnxruntime

    return {
        "package": str(Path(__file__).parents[1]),
        "python": sys.version.split()[0],
        "onnxruntime": onnxruntime.__file__,
        "providers": onnxruntime.get_available_providers(),
    }


class Worker:
    """Holds the engine between requests."""

    def __init__(self):
        self.engine = None

    def estimate(self, answer: Answer, path: str, box: list[float] | None, settings: dict, folder: str) -> dict:
        """Serve `estimate`. Imports come late, so that the process answers before OpenCV and onnxruntime are loaded."""
        answer({"progress": 0.05, "stage": "Reading the photo"})
        from .images import read_image, upright_file

        photo = read_image(path)
        answer({"progress": 0.2, "stage": "Loading the networks"})
        engine = self._engine(settings)
        answer({"progress": 0.5, "stage": "Finding the person"})
        result = engine.estimate(photo, None if box is None else np.array(box, float))
        answer({"progress": 0.9, "stage": "Writing"})
        estimate = Path(folder) / "estimate.npz"
        result.estimate.save(estimate)
        return {
            "estimate": str(estimate),
            "photo": str(upright_file(photo, Path(folder) / f"{photo.path.stem}.jpg")),
            "remarks": [*([photo.note] if photo.note else []), *result.remarks],
            "provider": engine.human2d.network.provider,
        }

    def _engine(self, fields: dict):
        """The engine for these settings: the one that is loaded, when they differ in the field of view only."""
        from .engine import Engine, Settings

        body_model = fields.get("body_model")
        settings = Settings(**fields | {"body_model": Path(body_model) if body_model else None})
        if self.engine is None or replace(self.engine.settings, field_of_view=settings.field_of_view) != settings:
            self.engine = None  # the old networks go before the new ones come
            engine = Engine(settings)
            engine.human2d.network.session  # noqa: B018  opened here, where the user is told that it loads
            self.engine = engine
        self.engine.settings = settings
        return self.engine
