"""The near side of the worker: starts it, asks, reads what it answers without ever waiting, and ends it at once.

Nothing here knows Blender. Threads only carry lines from the process to a queue; whoever polls sees them in its own
thread.
"""

import importlib.util
import json
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..inference.errors import UserError

PACKAGE_ROOT = Path(__file__).parents[1]
LIBRARIES = ("cv2", "onnxruntime")
PATIENCE = 120.0
"""Seconds without a word from the worker after which it counts as hung. The first run of a large network on a graphics
card may compile for a minute."""
LAST_WORDS = 3
"""Lines of stderr that are told when the worker died."""

# The package's own name differs (`bl_ext.user_default.body_from_image` in Blender), and its folder is not on any path.
# The libraries' folders are added in the child alone; Blender's own sys.path stays as it is.
BOOTSTRAP = """
import importlib.util, sys
root, *folders = sys.argv[1:]
sys.path[:0] = folders
init = root + "/__init__.py"
spec = importlib.util.spec_from_file_location("body_from_image", init, submodule_search_locations=[root])
package = sys.modules["body_from_image"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
from body_from_image.inference.worker import main
main()
"""


@dataclass(frozen=True)
class Progress:
    """How far a request is: `share` from 0 to 1, what is being done and, now and then in a film, how the person stands
    (`inference.preview.Preview.take`)."""

    share: float
    stage: str
    preview: dict | None = None


@dataclass(frozen=True)
class Answer:
    """A request's result."""

    result: dict


@dataclass(frozen=True)
class Failure:
    """Why there is no result, in a sentence for the user."""

    sentence: str


Message = Progress | Answer | Failure


def worker_command(external: Path | None = None) -> list[str]:
    """How to start the worker on the Python that runs this, or on an `external` one with libraries of its own. Raises
    UserError when that, or a library, is not there."""
    if external is not None:
        if not external.is_file():
            raise UserError(f"There is no Python at {external}. Choose its program file in the preferences, or none.")
        return [str(external), "-I", "-c", BOOTSTRAP, str(PACKAGE_ROOT)]
    if not Path(sys.executable or "").name.lower().startswith("python"):
        raise UserError(
            "Blender's own Python was not found, so no body can be estimated. Install Blender anew from blender.org."
        )
    return [sys.executable, "-I", "-c", BOOTSTRAP, str(PACKAGE_ROOT), *_library_folders()]


def _library_folders() -> list[str]:
    """Where this process would import the libraries from, without importing them."""
    folders = {}
    for library in LIBRARIES:
        spec = importlib.util.find_spec(library)
        if spec is None or spec.origin is None:
            raise UserError(
                f"The library {library} that the extension brings along is not installed. Remove the extension, "
                "restart Blender, and install it again."
            )
        folders[str(Path(spec.origin).parents[1])] = None
    return list(folders)


class WorkerClient:
    """One worker process, started when it is first asked and again after it died. One request at a time; not to be
    shared between threads."""

    def __init__(self, command: Callable[[], Sequence[str]] = worker_command, patience: float = PATIENCE):
        self._command, self._patience = command, patience
        self._process: subprocess.Popen | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._last_words: deque[str] = deque(maxlen=LAST_WORDS)
        self._threads: list[threading.Thread] = []
        self._deadline = 0.0
        self.busy = False

    @property
    def process_id(self) -> int | None:
        """Of the running process; None when there is none."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def send(self, do: str, **fields: object) -> None:
        """Ask for something; `poll` or `wait` brings the answers. Raises UserError when it cannot be started."""
        if self.busy:
            raise RuntimeError("the worker is still busy with the last request")
        if self.process_id is None:
            self._start()
        with suppress(OSError):  # when it died since, the end of its answers says so
            self._process.stdin.write(json.dumps({"do": do, **fields}) + "\n")
            self._process.stdin.flush()
        self._deadline = time.monotonic() + self._patience
        self.busy = True

    def poll(self) -> Message | None:
        """The next message of the request under way; None when there is none yet. Returns at once."""
        try:
            line = self._lines.get_nowait()
        except queue.Empty:
            return self._fail_hung() if self.busy and time.monotonic() > self._deadline else None
        return self._read(line)

    def wait(self) -> dict:
        """The result of the request under way. Raises UserError when there is none."""
        while self.busy:
            try:
                message = self._read(self._lines.get(timeout=max(self._deadline - time.monotonic(), 0)))
            except queue.Empty:
                message = self._fail_hung()
            if isinstance(message, Failure):
                raise UserError(message.sentence)
            if isinstance(message, Answer):
                return message.result
        raise RuntimeError("there is no request to wait for")

    def stop(self) -> None:
        """End the process, whatever it is doing. The next request starts a new one."""
        self.busy = False
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join(timeout=1)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(OSError):  # stdin may hold something that the process did not live to read
                pipe.close()
        self._process = None

    def _start(self) -> None:
        self.stop()
        try:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise UserError(f"The estimation process could not be started: {error.strerror or error}.") from error
        # New ones for each process, so that nothing of an old one is taken for an answer of this one.
        self._lines, self._last_words = queue.Queue(), deque(maxlen=LAST_WORDS)
        self._threads = [
            threading.Thread(target=_carry_answers, args=(self._process.stdout, self._lines.put), daemon=True),
            threading.Thread(target=_carry_words, args=(self._process.stderr, self._last_words.append), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, line: str | None) -> Message:
        if line is None:
            return self._fail_dead()
        self._deadline = time.monotonic() + self._patience
        message = json.loads(line)
        if "progress" in message:
            return Progress(message["progress"], message["stage"], message.get("preview"))
        self.busy = False
        return Failure(message["error"]) if "error" in message else Answer(message["result"])

    def _fail_dead(self) -> Failure:
        code = self._process.wait()
        self._threads[1].join(timeout=1)
        words = f" Its last words: {' / '.join(self._last_words)}" if self._last_words else ""
        self.stop()
        return Failure(f"The estimation process ended by itself (code {code}). Try again.{words}")

    def _fail_hung(self) -> Failure:
        self.stop()
        return Failure(
            f"The estimation process did not answer for {self._patience:.0f} seconds and was ended. Try again; if it "
            "happens again, choose the device CPU in the preferences."
        )


def _carry_answers(pipe, put: Callable[[str | None], None]) -> None:
    for line in pipe:
        put(line)
    put(None)


def _carry_words(pipe, put: Callable[[str], None]) -> None:
    for line in pipe:
        if line.strip():
            put(line.strip())
