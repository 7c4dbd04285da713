"""People anywhere in a wide picture, where a camera that does not turn to them sees them from the side."""

import numpy as np

from ....inference.networks.pose_features import rotation_to_forward
from ...people.instances import VIEW

FIELDS_OF_VIEW = (60.0, 90.0)
"""Degrees across the longer side of the picture, uniform: a phone's camera, and its wide one."""
FORMAT = 0.75
"""The picture's shorter side over its longer; half of the pictures are upright."""


def anywhere_in_picture(points: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (B, 25, 2; pixels of `VIEW`) of people whom a camera looks straight at, as one sees them that is
    turned, about the same place, until they stand anywhere in its picture; and the turns (B, 3, 3) that take the first
    camera's frame to the second's.

    Places are uniform as long as the whole person is in the picture; who is too near for that stays in its middle.
    """
    rays = VIEW.rays(points)
    half = np.tan(np.deg2rad(rng.uniform(*FIELDS_OF_VIEW, (len(points), 1))) / 2)
    half = half * np.where(rng.random((len(points), 1)) < 0.5, [FORMAT, 1], [1, FORMAT])
    room = np.maximum(half - np.abs(rays).max(1), 0)
    back = rotation_to_forward(rng.uniform(-1, 1, (len(points), 2)) * room)
    spatial = np.concatenate([rays, np.ones_like(rays[..., :1])], -1) @ back
    return spatial[..., :2] / spatial[..., 2:] * VIEW.focal + VIEW.center, back.transpose(0, 2, 1)
