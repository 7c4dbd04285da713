"""The engine in a process of its own: requests and answers as JSON, one a line, on stdin and stdout.

=========  ================================================================  ========================================
`do`       with                                                              last answer
=========  ================================================================  ========================================
estimate   `path`, `box` (x, y, width, height) or null, `settings` (the      {"result": {"estimate": npz, "photo":
           fields of `engine.Settings`), `folder` to write to                upright picture, "remarks": [sentence],
                                                                             "others": [{"box", "picture": of them}],
                                                                             "provider": onnxruntime's}}
people     `path`, `most` (null: all), `settings`, `folder`                  {"result": {"people": [{"estimate",
                                                                             "remarks"}], "photo", "remarks" on the
                                                                             photo, "provider"}}
motion     `paths`, `box`, `most` (null: all), `settings`, `folder`,         {"result": {"people": [{"raw": npz,
           `options` (the fields of `clip.MotionOptions`)                    "estimate": npz, "first": frame,
                                                                             "remarks"}], "behind": [files],
                                                                             "remarks", "provider"}}
pictures   `paths`, `settings`, `folder`                                     {"result": {"pictures": [{"name", "file",
                                                                             "estimate", "photo", "remarks"} or
                                                                             {"name", "file", "error"}], "provider"}}
look       `path`, `folder` to write to                                      {"result": {"picture": upright and at
                                                                             most 1280 pixels long, "size": [W, H]
                                                                             of the photo}}
body       `path` of a licensed SMPL file, `folder` to write to              {"result": {"body": the same as an npz
                                                                             of plain arrays, checked}}
ping                                                                         {"result": {"package", "python",
                                                                             "onnxruntime", "providers",
                                                                             "versions": {library: version}}}
quit                                                                         none: the process ends, as it does when
                                                                             stdin is closed
=========  ================================================================  ========================================

On the way there are {"progress": 0–1, "stage": what is being done}, of a `motion` now and then with "preview": how the
person stands in the frame just read (see `preview.Preview.take`). A fault ends a request with {"error": sentence},
and the next one is served as ever. Networks and body stay loaded from one request to the next.
"""

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from .errors import UserError

Answer = Callable[[dict], None]

PACKAGES = {"numpy": "numpy", "cv2": "opencv-python-headless", "onnxruntime": "onnxruntime-gpu"}
"""What the engine needs, and what each is called where Python's packages are found."""
THUMBNAIL = 96
"""Pixels a side of the small pictures of people."""
LARGEST_LOOK = 1280
"""Pixels on the longer side; plenty to draw a box by."""


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
            answer({"result": worker.serve(do, answer, request)})
        except UserError as error:
            answer({"error": str(error)})
        except Exception as error:  # whatever went wrong with this photo, the next one may be fine
            traceback.print_exc()
            answer({"error": f"The engine failed, which is a fault of its own: {type(error).__name__}: {error}."})


def ping(answer: Answer) -> dict:
    """What this process runs on. Raises UserError when it lacks a library."""
    versions = {}
    for library, package in PACKAGES.items():
        try:
            versions[library] = importlib.import_module(library).__version__
        except ImportError as error:
            raise UserError(
                f"{sys.executable} cannot import {library} ({error}). Install it there: "
                f"{Path(sys.executable).name} -m pip install {package}"
            ) from error
    import onnxruntime

    return {
        "package": str(Path(__file__).parents[1]),
        "python": sys.version.split()[0],
        "onnxruntime": onnxruntime.__file__,
        "providers": onnxruntime.get_available_providers(),
        "versions": versions,
    }


def look(answer: Answer, path: str, folder: str) -> dict:
    """The photo as Blender can show it: upright, and not larger than a screen."""
    import cv2

    from .files.images import read_image, write_picture

    photo = read_image(path)
    width, height = photo.size
    scale = min(LARGEST_LOOK / max(width, height), 1.0)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    picture = Path(folder) / "picture.jpg"
    write_picture(picture, cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA))
    return {"picture": str(picture), "size": [width, height]}


def body(answer: Answer, path: str, folder: str) -> dict:
    """A user's SMPL file, which may be anything, as one that may be read anywhere. Raises UserError."""
    from .body.smpl_file import read_smpl_file, write_smpl_file

    plain = Path(folder) / f"{Path(path).stem}.npz"
    write_smpl_file(plain, read_smpl_file(Path(path)))
    return {"body": str(plain)}


class Worker:
    """Holds the engine between requests."""

    def __init__(self):
        self.engine = None

    def serve(self, do: str, answer: Answer, request: dict) -> dict:
        """The result of one request. Raises UserError."""
        requests = {
            "ping": ping,
            "look": look,
            "body": body,
            "estimate": self.estimate,
            "people": self.people,
            "motion": self.motion,
            "pictures": self.pictures,
        }
        return requests[do](answer, **request)

    def estimate(self, answer: Answer, path: str, box: list[float] | None, settings: dict, folder: str) -> dict:
        """Serve `estimate`. Imports come late, so that the process answers before OpenCV and onnxruntime are loaded."""
        import numpy as np

        from .files.images import upright_file

        photo, engine = self._photo_and_engine(answer, path, settings)
        answer({"progress": 0.5, "stage": "Finding the person"})
        result = engine.estimate(photo, None if box is None else np.array(box, float))
        answer({"progress": 0.9, "stage": "Writing"})
        estimate = Path(folder) / "estimate.npz"
        result.estimate.save(estimate)
        return {
            "estimate": str(estimate),
            "photo": str(upright_file(photo, Path(folder) / f"{photo.path.stem}.jpg")),
            "remarks": [*([photo.note] if photo.note else []), *result.remarks],
            "others": _shown(photo, result.others, Path(folder)),
            "provider": engine.human2d.network.provider,
        }

    def people(self, answer: Answer, path: str, most: int | None, settings: dict, folder: str) -> dict:
        """Serve `people`."""
        photo, engine = self._photo_and_engine(answer, path, settings)
        answer({"progress": 0.4, "stage": "Finding everybody"})
        from .files.images import upright_file

        group = engine.estimate_people(photo, most)
        people = group.people
        answer({"progress": 0.9, "stage": "Writing"})
        files = [Path(folder) / f"estimate_{number}.npz" for number in range(1, len(people) + 1)]
        for person, file in zip(people, files, strict=True):
            person.estimate.save(file)
        return {
            "people": [
                {"estimate": str(file), "remarks": list(person.remarks)}
                for person, file in zip(people, files, strict=True)
            ],
            "photo": str(upright_file(photo, Path(folder) / f"{photo.path.stem}.jpg")),
            "remarks": [*([photo.note] if photo.note else []), *group.remarks],
            "provider": engine.human2d.network.provider,
        }

    def _photo_and_engine(self, answer: Answer, path: str, settings: dict):
        answer({"progress": 0.05, "stage": "Reading the photo"})
        from .files.images import read_image

        photo = read_image(path)
        answer({"progress": 0.2, "stage": "Loading the networks"})
        return photo, self._engine(settings)

    def motion(
        self, answer: Answer, paths: list[str], box: list[float] | None, most: int | None, settings: dict, folder: str,
        options: dict,
    ) -> dict:  # fmt: skip
        """Serve `motion`."""
        engine, tell = self._prepare(answer, settings)
        import numpy as np

        from .clip import MotionOptions
        from .sequences import motion_files

        box = None if box is None else np.array(box, float)
        result = motion_files(engine, paths, box, Path(folder), MotionOptions(**options), tell, most)
        return result | {"provider": engine.human2d.network.provider}

    def pictures(self, answer: Answer, settings: dict, folder: str, paths: list[str]) -> dict:
        """Serve `pictures`."""
        engine, tell = self._prepare(answer, settings)
        from .sequences import estimate_pictures

        return estimate_pictures(engine, paths, Path(folder), tell) | {"provider": engine.human2d.network.provider}

    def _prepare(self, answer: Answer, settings: dict):
        """The engine, and a function that tells how far a long request is."""
        answer({"progress": 0.02, "stage": "Loading the networks"})
        engine = self._engine(settings)

        def tell(share: float, stage: str, preview: dict | None = None) -> None:
            shown = {} if preview is None else {"preview": preview}
            answer({"progress": 0.05 + 0.9 * share, "stage": stage} | shown)

        return engine, tell

    def _engine(self, fields: dict):
        """The engine for these settings: the one that is loaded, when they differ in what is said of this photo
        only."""
        from .engine import Engine, Settings

        body_model = fields.get("body_model")
        settings = Settings(**fields | {"body_model": Path(body_model) if body_model else None})
        if self.engine is None or _of_no_photo(self.engine.settings) != _of_no_photo(settings):
            self.engine = None  # the old networks go before the new ones come
            engine = Engine(settings)
            engine.human2d.network.session  # noqa: B018  opened here, where the user is told that it loads
            self.engine = engine
        self.engine.settings = settings
        return self.engine


def _shown(photo, boxes, folder: Path) -> list[dict]:
    """Each of some people: their box and a small picture of them."""
    from .files.images import write_picture
    from .networks.crop import crop_of_box

    shown = []
    for number, box in enumerate(boxes):
        file = folder / f"other_{number}.png"
        write_picture(file, crop_of_box(box, THUMBNAIL).cut(photo.pixels))
        shown.append({"box": [round(float(value), 1) for value in box], "picture": str(file)})
    return shown


def _of_no_photo(settings):
    """`engine.Settings` without what is said of one photo."""
    return replace(settings, field_of_view=None, height=None)
