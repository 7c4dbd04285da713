"""An operator that waits for the worker without stopping Blender: progress in panel and status bar, Esc cancels."""

from typing import Protocol

import bpy

from ..inference.errors import UserError
from ..rig.preview import remove_preview
from .run_state import run_state
from .worker_client import Failure, Progress

TICK = 0.05
"""Seconds between two looks at what the worker says."""


class Task(Protocol):
    """Something on its way through the worker, such as an `Estimation`."""

    def poll(self) -> object | None:
        """Progress, Failure, the result, or None when nothing happened. Returns at once."""

    def wait(self) -> object:
        """Block until the result is there. Raises UserError."""

    def close(self) -> None:
        """Clear away, whether it is done or not."""


class WatchesWorker:
    """Mixed into an operator that has `_ask(context)` → Task and `_finish(context, result)` → what operators return.

    Both may raise UserError. `_ask` must be quick; `_finish` runs in one go and may be undone in one step.
    """

    from_window: bpy.props.BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context):
        cls.poll_message_set("An estimation is running")
        return not run_state(context).running

    def execute(self, context):
        """A script called, or a person chose the file: wait for the result here, or in `modal`."""
        run_state(context).error = ""
        try:
            task = self._ask(context)
        except UserError as error:
            return self._fail(context, str(error))
        if self.from_window:
            return self._watch(context, task)
        try:
            return self._finish(context, task.wait())
        except UserError as error:
            return self._fail(context, str(error))
        finally:
            task.close()

    def modal(self, context, event):
        try:
            if run_state(context).cancel_requested or (event.type == "ESC" and event.value == "PRESS"):
                self._stop_watching(context)
                self.report({"INFO"}, "Cancelled")
                return {"CANCELLED"}
            return self._look(context) if event.type == "TIMER" else {"PASS_THROUGH"}
        except BaseException:
            self.cancel(context)
            raise

    def cancel(self, context):
        """Whatever still runs is ended; Blender calls it when another file is opened or the window closed."""
        if run_state(context).running:
            self._stop_watching(context)

    def _watch(self, context, task: Task) -> set[str]:
        self.from_window = False  # a change of the settings afterwards runs `execute` again, and waits for it
        self._task = task
        self._timer = context.window_manager.event_timer_add(TICK, window=context.window)
        context.window_manager.modal_handler_add(self)
        show_progress(context, Progress(0.0, "Starting"))
        return {"RUNNING_MODAL"}

    def _look(self, context) -> set[str]:
        preview = None
        while (message := self._task.poll()) is not None:
            if isinstance(message, Progress):
                show_progress(context, message)
                preview = message.preview or preview
                continue
            remove_preview()  # before anything is built: it would take the names, and the scene would count as in use
            try:
                if isinstance(message, Failure):
                    return self._fail(context, message.sentence)
                return self._finish(context, message)
            except UserError as error:
                return self._fail(context, str(error))
            finally:
                self._stop_watching(context)
        if preview is not None:
            self._show_preview(context, preview)
        return {"PASS_THROUGH"}

    def _show_preview(self, context, preview: dict) -> None:
        """Show what is known before the result is there (see `Progress`), so that `remove_preview` takes it away."""

    def _stop_watching(self, context) -> None:
        remove_preview()
        self._task.close()
        context.window_manager.event_timer_remove(self._timer)
        show_progress(context, None)

    def _fail(self, context, sentence: str) -> set[str]:
        run_state(context).error = sentence
        self.report({"ERROR"}, sentence)
        return {"CANCELLED"}


def show_progress(context: bpy.types.Context, progress: Progress | None) -> None:
    """Show how far it is in the status bar and the panel; None when it is over."""
    state = run_state(context)
    state.running, state.cancel_requested = progress is not None, False
    state.share, state.stage = (progress.share, progress.stage) if progress else (0.0, "")
    context.workspace.status_text_set(f"{progress.stage} …  Esc: cancel" if progress else None)
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("VIEW_3D", "PREFERENCES"):
                area.tag_redraw()
