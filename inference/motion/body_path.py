"""The path of a body over the whole clip at once, together with the floor and, where it moves, the camera's path.

One least-squares problem: the body's keypoints lie where they were seen; points of the soles that stand stay where they
are, and lie on one plane; the centre of mass is moved as a body moves itself on the ground, and falls when it flies.
The poses are given, so it is all but linear, and distance from the camera does not breathe: feet that stand, and
gravity, tell of it what one picture does not.
"""

from dataclasses import dataclass

import numpy as np

from ..geometry.chain import Jacobians, NormalEquations, chain_step
from .foot_contact import LANDMARKS
from .smoothing import local_quadratic

GRAVITY = 9.81
KEYPOINT = 0.03, 4.0
"""Metres that a keypoint is usually off, and deviations at which its pull fades."""
STANDING = 0.005
"""Metres that a standing point may move from a frame to the next: what the pose of the leg has wrong."""
RATHER_MOVING = 0.06
"""Metres from a frame to the next at which a claim to stand fades before a camera that is carried: how that goes
is told by standing points alone, so that wrong ones must be outvoted."""
FLOOR = 0.06, 2.0
"""Metres that a standing point may be off the floor, and deviations at which it is taken to stand on something else."""
EFFORT, FLIGHT = 2.5, 1.5
"""Metres a second², accelerations of the centre of mass on the ground; and in the air, about gravity's."""
LEVEL, UPRIGHT = 0.25, 0.06
"""Radians: how a camera is usually tilted, and how somebody who stands usually leans, from frame to frame alike."""
CAMERA_EFFORT = 3.0
"""Metres a second² of a camera that is carried."""
ROUNDS = 2
EXACT = 1e-4
"""Metres, metres a second of the camera, and a floor's slope where that is known, that only rounding may take."""


@dataclass(frozen=True)
class Sight:
    """What a clip shows of a body in given poses, without its path, in the first camera's upright frame: `points` and
    what may stand, the soles' points and the
    hands, `touching` (F, P, 3), and the centre of mass `mass` (F, 3) are about the translation; `turns` (F, 3, 3) lead
    to each camera's frame, `rays` (F, K, 2) are pixels at depth 1, of `confidence` (F, K)."""

    points: np.ndarray
    touching: np.ndarray
    mass: np.ndarray
    turns: np.ndarray
    rays: np.ndarray
    confidence: np.ndarray
    leaning: np.ndarray
    """(F, 3) which way up is by the body: from the ankles to the neck."""
    rate: float
    camera_moves: bool
    up: np.ndarray | None = None
    """(3,) the floor's upward normal, where somebody knows it."""
    level: float | None = None
    """The floor's distance along `up`, where that is known, too."""
    places: np.ndarray | None = None
    """(F, 3) of a camera that moves, where somebody else's motion told them."""

    @property
    def slope(self) -> np.ndarray:
        """(2,) a and b of a `Path`'s floor, by `up`; level where that is not known."""
        return np.zeros(2) if self.up is None else -self.up[[0, 2]] / self.up[1]

    @property
    def height(self) -> float:
        """The same floor's h; 0 where it is not known."""
        return 0.0 if self.level is None else self.level / self.up[1]

    @property
    def solves_camera(self) -> bool:
        """Whether the camera's places are to be found."""
        return self.camera_moves and self.places is None


@dataclass(frozen=True)
class Path:
    """`trans` (F, 3) and the camera's `places` (F, 3); the floor is y = h + a x + b z of `floor` (h, a, b)."""

    trans: np.ndarray
    places: np.ndarray
    floor: np.ndarray

    @property
    def up(self) -> np.ndarray:
        """The floor's upward unit normal (3,)."""
        normal = np.array([-self.floor[1], 1.0, -self.floor[2]])
        return normal / np.linalg.norm(normal)

    @property
    def level(self) -> float:
        """The floor's distance along `up`."""
        return float(self.floor[0] * self.up[1])

    def above(self, points: np.ndarray) -> np.ndarray:
        """How far points (..., 3) are above the floor, metres."""
        return points @ self.up - self.level


def solve_path(sight: Sight, standing: np.ndarray, flying: np.ndarray, heights: np.ndarray, start: Path) -> Path:
    """The path of least squares. `standing` (F, P) bool are contacts; the soles' four then lie `heights` (4,) above the
    floor; `flying` (F,) bool are frames in which nothing touches it."""
    path = start
    for _ in range(ROUNDS):
        path = _step(sight, standing, flying, heights, path)
    return path


def _step(sight: Sight, standing: np.ndarray, flying: np.ndarray, heights: np.ndarray, path: Path) -> Path:
    """One step of Gauss and Newton, which is exact but for the floor's slope and the robust weights."""
    count, size = len(sight.points), 12 if sight.solves_camera else 6
    chain = NormalEquations(count, size, 3)
    velocity = np.gradient(path.trans + sight.mass, axis=0) * sight.rate
    carried = np.gradient(path.places, axis=0) * sight.rate
    _add_keypoints(chain, sight, path, size)
    _add_contacts(chain, sight, standing, path, size)
    _add_floor(chain, sight, standing, heights, path, size)
    effort = np.where(flying[1:] & flying[:-1], FLIGHT, EFFORT)
    pull = np.where((flying[1:] & flying[:-1])[:, None], -GRAVITY * path.up, 0.0)
    _add_motion(chain, path.trans + sight.mass, velocity, (0, 3), effort, pull, sight.rate)
    if sight.solves_camera:
        steady = np.full(count - 1, CAMERA_EFFORT)
        _add_motion(chain, path.places, carried, (6, 9), steady, np.zeros((count - 1, 3)), sight.rate)
        first = np.zeros((count, 3, size))
        first[0, :, 6:9] = np.eye(3)
        chain.add_frames(np.where(np.arange(count)[:, None] == 0, path.places, 0), first, 1 / EXACT**2)
    step = chain_step(chain, chain.flat_gradient(), 0.0)
    moves, floor = step[:-3].reshape(count, size), step[-3:]
    places = path.places + moves[:, 6:9] if sight.solves_camera else path.places
    return Path(path.trans + moves[:, :3], places, path.floor + floor)


def _add_keypoints(chain: NormalEquations, sight: Sight, path: Path, size: int) -> None:
    """Each keypoint's distance, in metres, from the ray that it was seen on."""
    inside = np.einsum("fij,fkj->fki", sight.turns, sight.points + (path.trans - path.places)[:, None])
    residual = inside[..., :2] - sight.rays * inside[..., 2:]
    own = sight.turns[:, None, :2] - sight.rays[..., None] * sight.turns[:, None, 2:]
    if size > 6:
        own = np.concatenate([own, np.zeros_like(own), -own, np.zeros_like(own)], -1)
    else:
        own = np.concatenate([own, np.zeros_like(own)], -1)
    deviation, scale = KEYPOINT
    far = (residual**2).sum(-1) / (deviation * scale) ** 2
    weight = sight.confidence**2 / (1 + far) ** 2 / deviation**2
    chain.add_frames(residual.reshape(len(residual), -1), own.reshape(len(own), -1, size), np.repeat(weight, 2, axis=1))


def _add_contacts(chain: NormalEquations, sight: Sight, standing: np.ndarray, path: Path, size: int) -> None:
    """Standing points stay where they are."""
    slide = np.diff(sight.touching + path.trans[:, None], axis=0)
    stands = (standing[1:] & standing[:-1]).astype(float)
    if sight.camera_moves:
        stands /= (1 + (slide**2).sum(-1) / RATHER_MOVING**2) ** 2
    weight = np.repeat(stands, 3, axis=1) / STANDING**2
    after = np.zeros((*slide.shape, size))
    after[..., :3] = np.eye(3)
    after = after.reshape(len(slide), -1, size)
    chain.add_pairs(slide.reshape(len(slide), -1), Jacobians(-after, after), weight)


def _add_floor(
    chain: NormalEquations, sight: Sight, standing: np.ndarray, heights: np.ndarray, path: Path, size: int
) -> None:
    """Soles that stand lie on the floor, which is level, or at right angles to somebody who stands on it, if nobody
    knows how it lies. How high hands are above it is not known."""
    standing, soles = standing[:, : len(LANDMARKS)], sight.touching[:, : len(LANDMARKS)]
    points, (height, along, across) = soles + path.trans[:, None], path.floor
    residual = points[..., 1] - heights - height - along * points[..., 0] - across * points[..., 2]
    own = np.zeros((*residual.shape, size))
    own[..., :3] = [-along, 1.0, -across]
    shared = -np.stack([np.ones_like(residual), points[..., 0], points[..., 2]], -1)
    deviation, scale = FLOOR
    weight = standing / (1 + (residual / (deviation * scale)) ** 2) ** 2 / deviation**2
    # Points that stand tell of the floor once each contact, not once each frame.
    chain.add_frames(residual, own, weight, shared)
    sureness = 1 / (LEVEL if sight.up is None else EXACT) ** 2
    prior = np.diag([1e-6 if sight.level is None else 1 / EXACT**2, sureness, sureness])
    chain.corner += prior
    chain.shared_gradient += prior @ (path.floor - [sight.height, *sight.slope])
    upright = standing.any(1)
    if upright.any() and sight.up is None:
        lean = np.median(sight.leaning[upright], axis=0)
        wanted = np.array([-lean[0], -lean[2]]) / max(lean[1], 0.3)
        chain.corner[1:, 1:] += np.eye(2) / UPRIGHT**2
        chain.shared_gradient[1:] += (path.floor[1:] - wanted) / UPRIGHT**2


def _add_motion(
    chain: NormalEquations, place: np.ndarray, velocity: np.ndarray, columns: tuple[int, int], effort: np.ndarray,
    pull: np.ndarray, rate: float,
) -> None:  # fmt: skip
    """Velocity is the change of place (both F, 3; their unknowns begin at `columns`), and itself changes by `pull`
    (F - 1, 3), give or take `effort` (F - 1,), metres a second²."""
    count, size = len(place), chain.gradient.shape[1]
    at, of = columns
    before, after = np.zeros((2, count - 1, 6, size))
    before[:, :3, at : at + 3], after[:, :3, at : at + 3] = -np.eye(3), np.eye(3)
    before[:, :3, of : of + 3] = after[:, :3, of : of + 3] = -np.eye(3) / (2 * rate)
    before[:, 3:, of : of + 3], after[:, 3:, of : of + 3] = -np.eye(3), np.eye(3)
    moved = np.diff(place, axis=0) - (velocity[1:] + velocity[:-1]) / (2 * rate)
    changed = np.diff(velocity, axis=0) - pull / rate
    weights = np.repeat(np.stack([np.full(count - 1, 1 / EXACT**2), (rate / effort) ** 2], 1), 3, axis=1)
    chain.add_pairs(np.concatenate([moved, changed], 1), Jacobians(before, after), weights)


def smooth_path(values: np.ndarray, deviation: float) -> np.ndarray:
    """(F, 3), smoothed by a filter of so many frames."""
    return local_quadratic(values[:, None], np.ones((len(values), 1)), deviation)[:, 0]
