"""How long Blender's main loop stood still, measured from within: between ticks of a quick timer, and between drawings
of the sidebar, where the progress is shown."""

import time

import bpy
from window import region

TICK = 0.005


class Gaps:
    """Measures from its creation until `stop`. The sidebar is asked to be drawn at every tick."""

    def __init__(self):
        self.ticks, self.draws = [time.monotonic()], [time.monotonic()]
        self._running = True
        self._handler = bpy.types.SpaceView3D.draw_handler_add(self._drawn, (), "UI", "POST_PIXEL")
        bpy.app.timers.register(self._tick, persistent=True)

    def stop(self) -> dict[str, float]:
        """Seconds: the longest gap and the mean between two drawings; and the longest gap between two ticks."""
        self._running = False
        bpy.types.SpaceView3D.draw_handler_remove(self._handler, "UI")
        drawn = [b - a for a, b in zip(self.draws, self.draws[1:], strict=False)]
        ticked = [b - a for a, b in zip(self.ticks, self.ticks[1:], strict=False)]
        return {
            "draws": len(drawn),
            "mean_draw": sum(drawn) / max(len(drawn), 1),
            "longest_draw": max(drawn, default=0.0),
            "longest_tick": max(ticked, default=0.0),
            "seconds": self.ticks[-1] - self.ticks[0],
        }

    def _tick(self):
        self.ticks.append(time.monotonic())
        region("UI").tag_redraw()
        return TICK if self._running else None

    def _drawn(self):
        self.draws.append(time.monotonic())


def watch_modal(operator: type) -> list[float]:
    """Seconds of processor time that each call of the operator's `modal` takes from now on: what we alone keep Blender
    waiting, on a machine that does nothing else."""
    seconds, original = [], operator.modal

    def modal(self, context, event):  # Blender counts a function's named arguments
        start = time.thread_time()
        try:
            return original(self, context, event)
        finally:
            seconds.append(time.thread_time() - start)

    operator.modal = modal
    return seconds
