"""How the person of a film stands in the frame that was read last, told while the others are still being read.

It is a first look: each frame by its own keypoints, without its neighbours, refinement, smoothing and floor.
"""

import time
from collections.abc import Iterable, Iterator

from .clip import Frame
from .engine import Engine

EVERY = 0.3
"""Seconds from one preview to the next at least."""
MOST_SHARE = 0.03
"""Share of the time that may go into posing previews, for which the frames wait: on a busy machine they come less
often."""


class Preview:
    """Poses the person of a frame now and then, as frames pass; `take` it wherever progress is told."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._betas = None
        self._ready: dict | None = None
        self._again = 0.0

    def watch(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The same frames, each of them seen."""
        for frame in frames:
            self.saw(frame)
            yield frame

    def saw(self, frame: Frame) -> None:
        """Pose the person of `frame`, if there is one and the last preview is old enough. All previews have the shape
        of the first."""
        began = time.monotonic()
        if frame.keypoints is None or began < self._again:
            return
        if self._betas is None:
            self._betas = frame.betas
        body, camera = self._engine.body, frame.camera
        standing = self._engine.stand([self._engine.lift(frame.keypoints, camera)], self._betas)
        pelvis = body.rest_joints(standing.betas[None])[0, 0] + standing.trans[0]
        self._ready = {
            "poses": standing.poses[0].tolist(), "betas": standing.betas.tolist(), "pelvis": pelvis.tolist(),
            "focal": camera.focal, "camera_center": list(camera.center), "image_size": list(camera.size),
            "body_model": body.hash,
        }  # fmt: skip
        now = time.monotonic()
        self._again = now + max(EVERY, (now - began) / MOST_SHARE)

    def take(self) -> dict | None:
        """What was posed since the last time, for JSON: `poses` (72,), `betas` (10,) and the `pelvis` (3,), metres, in
        SMPL's upright frame; `focal`, `camera_center` (2,) and `image_size` (2,) in pixels; the hash of the
        `body_model` that the betas belong to. None where there is nothing new."""
        ready, self._ready = self._ready, None
        return ready
