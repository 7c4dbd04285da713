"""What the engine has where it runs: `bpy.ops.body_from_image.test_python()` starts it and tells, or says why not."""

from pathlib import Path
from typing import ClassVar

import bpy

from ..inference.networks.runtime import PROVIDERS
from .preferences import external_python
from .run_state import run_state
from .watching import WatchesWorker
from .worker_client import Answer, Failure, Progress, WorkerClient, worker_command

CPU = "CPUExecutionProvider"
PATIENCE = 60.0
"""Seconds; the first import of onnxruntime-gpu reads gigabytes."""


class Trial:
    """A worker of its own that is asked what it runs on; the one that estimates stays as it is."""

    def __init__(self, python: Path | None):
        self._worker = WorkerClient(lambda: worker_command(python), PATIENCE)
        self._worker.send("ping")

    def poll(self) -> Progress | dict | Failure | None:
        """What it says; None while it says nothing."""
        message = self._worker.poll()
        return message.result if isinstance(message, Answer) else message

    def wait(self) -> dict:
        """Block until it says what it has. Raises UserError."""
        return self._worker.wait()

    def close(self) -> None:
        """End it."""
        self._worker.stop()


class BODY_FROM_IMAGE_OT_test_python(WatchesWorker, bpy.types.Operator):
    bl_idname = "body_from_image.test_python"
    bl_label = "Test"
    bl_description = "Start the engine, and report the libraries and devices that it finds"
    bl_options: ClassVar = {"REGISTER", "INTERNAL"}

    def invoke(self, context, event):
        self.from_window = not bpy.app.background
        return self.execute(context)

    def _ask(self, context) -> Trial:
        run_state(context).trial, run_state(context).trial_failed = "", False
        return Trial(external_python(context))

    def _finish(self, context, found: dict) -> set[str]:
        state = run_state(context)
        state.providers = ",".join(found["providers"])
        libraries = ", ".join(f"{library} {version}" for library, version in found["versions"].items())
        used = [provider for provider in found["providers"] if provider in (*PROVIDERS.values(), CPU)]
        devices = ", ".join(provider.removesuffix("ExecutionProvider") for provider in used)
        state.trial = f"Python {found['python']} with {libraries}. onnxruntime offers {devices}."
        self.report({"INFO"}, state.trial)
        return {"FINISHED"}

    def _fail(self, context, sentence: str) -> set[str]:
        state = run_state(context)
        state.trial, state.trial_failed = sentence, True
        self.report({"ERROR"}, sentence)
        return {"CANCELLED"}
