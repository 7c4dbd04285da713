"""Cameras before which a known clip is seen: still, tilted, panning, shaking, walking; and what is seen of it."""

from dataclasses import dataclass

import numpy as np

from ...inference.geometry.camera import Camera, choose_camera
from ...inference.geometry.rotations import axis_angle_to_matrix
from ...inference.motion.camera_motion import PARALLAX, Turn
from ...inference.motion.smoothing import local_quadratic
from .clips import RATE, TrueClip
from .temporal.film_noise import as_detected

SIZE = (1280, 720)
MARGIN = 0.42
"""Of the picture's half width and half height that the person may fill, at most."""
HEIGHT = 1.3
"""Metres above the floor of the camera."""
TILT = np.deg2rad([14.0, 3.0])
"""Of the tilted camera: downwards, and about its axis."""
SHAKE = np.deg2rad(0.7), 0.01
"""Deviations of a hand-held camera's turns, radians, and place, metres."""
NOISE, LOST = 0.008, 0.03
"""Deviation of keypoints over the person's height in the picture; and the share of them that is not seen."""
CONFIDENCE = 0.9
VIEWS = ("still", "tilted", "other lens", "pan", "shake", "walk")
WALKED = 0.15
"""Metres that a camera must go for the background to be seen to shift, not just turn."""
LENS = 0.8
"""Of the focal length that is taken for true, the one that the camera of "other lens" has."""


@dataclass(frozen=True)
class View:
    """What took a clip: `camera`, and for each frame its place (F, 3) and the rotation (F, 3, 3) from the world, y up,
    to its OpenCV frame."""

    camera: Camera
    rotations: np.ndarray
    places: np.ndarray

    def points(self, world: np.ndarray) -> np.ndarray:
        """Points (F, N, 3) of the world in the camera's frame."""
        return np.einsum("fij,fnj->fni", self.rotations, world - self.places[:, None])

    @property
    def turns(self) -> list[Turn | None]:
        """What a perfect look at the background would say of each frame but the first."""
        walked = np.ptp(self.places, axis=0).max() > WALKED
        steps = self.rotations[1:] @ self.rotations[:-1].swapaxes(1, 2)
        return [None, *(Turn(step, 2 * PARALLAX if walked else 0.0) for step in steps)]


def view_of(clip: TrueClip, kind: str, rng: np.random.Generator) -> View:
    """A camera of one of the kinds `VIEWS` that sees the whole clip, from any side."""
    count = len(clip.joints)
    camera = choose_camera(SIZE)
    if kind == "other lens":
        camera = Camera(LENS * camera.focal, camera.center, camera.size)
    towards = axis_angle_to_matrix(np.array([0.0, rng.uniform(0, 2 * np.pi), 0.0])) @ [0.0, 0.0, 1.0]
    follows = kind in ("pan", "walk")
    path = clip.joints[:, 0] * [1, 0, 1]
    slow = local_quadratic(path[:, None], np.ones((count, 1)), 0.7 * RATE)[:, 0]
    middle = (path.min(0) + path.max(0)) / 2 + [0, 0.95, 0]
    aims = slow + [0, 0.95, 0] if follows else np.tile(middle, (count, 1))
    nearest = 4.0
    for distance in np.arange(nearest, 40, 0.25):
        begin = aims[0] if kind == "walk" else middle
        place = begin * [1, 0, 1] + distance * towards + [0, HEIGHT, 0]
        places = np.tile(place, (count, 1))
        if kind == "walk":
            places = places + slow - slow[0] + _bob(count)
        if kind == "tilted":
            places[:, 1] += np.tan(TILT[0]) * distance
        view = View(camera, _looking(places, aims, kind, rng), places + _jitter(count, kind, rng))
        if _inside(view, clip):
            return view
    raise ValueError(f"{clip.name} goes too far for a camera")


def _bob(count: int) -> np.ndarray:
    """How a walking photographer's camera goes up and down and from side to side (F, 3)."""
    time = np.arange(count) / RATE
    return np.stack([0.02 * np.sin(5.5 * time), 0.025 * np.sin(11 * time), 0 * time], -1)


def _jitter(count: int, kind: str, rng: np.random.Generator) -> np.ndarray:
    return _smooth_noise(count, rng) * SHAKE[1] if kind == "shake" else np.zeros((count, 3))


def _smooth_noise(count: int, rng: np.random.Generator) -> np.ndarray:
    """Noise (F, 3) of deviation 1 that changes within a fifth of a second."""
    noise = local_quadratic(rng.normal(size=(count, 1, 3)), np.ones((count, 1)), 0.1 * RATE)[:, 0]
    return noise / noise.std()


def _looking(places: np.ndarray, aims: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Rotations (F, 3, 3) from the world to the frame of a camera at `places` that looks level towards `aims`, both
    (F, 3), by its kind also downwards, or shaking."""
    forward = (aims - places) * [1, 0, 1]
    forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
    down = np.tile([0.0, -1.0, 0.0], (len(places), 1))
    level = np.stack([np.cross(down, forward), down, forward], -2)
    if kind == "tilted":
        pitch, roll = TILT
        return axis_angle_to_matrix(np.array([0, 0, roll])) @ axis_angle_to_matrix(np.array([pitch, 0, 0])) @ level
    if kind in ("shake", "walk"):
        return axis_angle_to_matrix(SHAKE[0] * _smooth_noise(len(places), rng)) @ level
    return level


def _inside(view: View, clip: TrueClip) -> bool:
    points = view.points(clip.keypoints)
    if points[..., 2].min() < 1.0:
        return False
    off = np.abs(view.camera.project(points) - view.camera.center)
    return bool((off < MARGIN * np.array(view.camera.size)).all())


def seen_keypoints(clip: TrueClip, view: View, rng: np.random.Generator) -> np.ndarray:
    """Keypoints (F, 25, 3), pixels and confidence, with noise, and some lost."""
    pixels = view.camera.project(view.points(clip.keypoints))
    height = np.ptp(pixels, axis=1).max(-1)[:, None, None]
    pixels = pixels + NOISE * height * rng.normal(size=pixels.shape)
    lost = rng.random(pixels.shape[:2]) < LOST
    return np.concatenate([pixels, np.where(lost, 0.0, CONFIDENCE)[..., None]], -1)


def lasting_keypoints(clip: TrueClip, view: View, rng: np.random.Generator) -> np.ndarray:
    """The same with Human2D's measured errors, which last as in films."""
    return as_detected(view.camera.project(view.points(clip.keypoints)), rng)
