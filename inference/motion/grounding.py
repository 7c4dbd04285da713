"""A motion onto the ground: contacts, the body's path and the floor found together, and the feet planted on it."""

from dataclasses import replace

import numpy as np

from ..body.assembly import with_motion
from ..body.body_estimate import CAMERA_FROM_SMPL, BodyEstimate, rotations_of
from ..body.body_model import BodyModel
from ..geometry.camera import Camera
from ..geometry.joints import JOINT_INDEX, KEYPOINT_INDEX
from .body_path import Path, Sight, solve_path
from .foot_contact import (
    HAND_REACH,
    LANDMARKS,
    POINTS,
    Contact,
    find_contacts,
    lowest_contacts,
    seen_hands,
    seen_soles,
    standing_of,
)
from .legs import HANDS, sole_heights, sole_points
from .planted_feet import plant_feet
from .planted_hands import PALM

SHARES = {
    "pelvis": 0.14, "spine1": 0.1, "spine2": 0.1, "spine3": 0.14, "head": 0.08, "left_hip": 0.06, "right_hip": 0.06,
    "left_knee": 0.07, "right_knee": 0.07, "left_ankle": 0.03, "right_ankle": 0.03, "left_shoulder": 0.03,
    "right_shoulder": 0.03, "left_elbow": 0.02, "right_elbow": 0.02, "left_wrist": 0.01, "right_wrist": 0.01,
}  # fmt: skip
"""Of the body's mass that hangs about each joint (after Winter 2009, table 4.1)."""
ROUNDS = 3
"""Contacts are found, and the path with them, so many times."""
CARRIED_ROUNDS = 8
"""The same before a camera that is carried: with each round its path, and so what stands, is known better."""
LEAST_FLIGHT, FLIGHT_HEIGHT, REST_HEIGHT = 3, 0.04, 0.15
"""Frames, and metres that the soles and all other keypoints are above the floor, from which somebody flies."""
_STANDS = [KEYPOINT_INDEX[f"{side}_{name}"] for side in ("left", "right") for name in ("ankle", "heel", "big_toe")]
_REST = np.array([number for name, number in KEYPOINT_INDEX.items() if number not in _STANDS])


def stand_on_floor(
    model: BodyModel, motion: BodyEstimate, steady: BodyEstimate, rate: float, up: np.ndarray | None = None
) -> BodyEstimate:
    """`motion` with feet that stand locked to a floor, and a path and floor solved for the whole clip. Contacts are
    looked for in `steady`, the same motion smoothed. Without contacts the motion stays as it is. `up` (3,) is the
    floor's normal in the first camera's upright frame, where it is known. What a motion knows of its floor, and of the
    places of a camera that moves, stays: somebody else in the film told it."""
    betas = motion.betas
    up, level, places = _known(motion, up)
    looked_at = replace(sight_of(model, steady, rate), up=up, level=level, places=places)
    heights = sole_heights(model, betas)
    floor = np.array([looked_at.height, *looked_at.slope])
    begun = np.zeros((motion.frame_count, 3)) if places is None else places
    start = Path(steady.trans.astype(np.float64), begun, floor)
    contacts, path = _contacts_and_path(looked_at, steady, heights, start)
    if not contacts:
        return motion
    rotations = rotations_of(motion.poses.astype(np.float64))
    if motion is not steady:
        count = motion.frame_count
        own = replace(sight_of(model, motion, rate), up=up, level=level, places=places)
        path = solve_path(own, standing_of(contacts, count, POINTS), flights(looked_at, contacts, path), heights, path)
    rotations, trans = plant_feet(model, betas, rotations, path, contacts, rate)
    floor = np.array([*path.up, path.level], np.float32)
    places = None if motion.camera_rotations is None else path.places.astype(np.float32)
    return with_motion(replace(motion, floor=floor, camera_places=places), model, rotations, trans)


def _known(
    motion: BodyEstimate, up: np.ndarray | None
) -> tuple[np.ndarray | None, float | None, np.ndarray | None]:
    """The floor's normal and level, and the camera's places, as far as they are known: `up` is what the user says."""
    level, places = None, None
    if up is None and motion.floor is not None:
        up, level = motion.floor[:3].astype(np.float64), float(motion.floor[3])
    if motion.camera_moves and motion.camera_places.any():
        places = motion.camera_places.astype(np.float64)
    return up, level, places


def _contacts_and_path(
    sight: Sight, motion: BodyEstimate, heights: np.ndarray, path: Path
) -> tuple[list[Contact], Path]:
    count = motion.frame_count
    keypoints = _stabilised(sight)
    seen, sure = (np.concatenate(pair, 1) for pair in zip(
        seen_soles(keypoints, sight.rate), seen_hands(keypoints, sight.rate), strict=True
    ))  # fmt: skip
    contacts: list[Contact] = []
    for number in range(CARRIED_ROUNDS if sight.camera_moves else ROUNDS):
        points = sight.touching + path.trans[:, None]
        above = path.above(points) - [*heights, PALM, PALM]
        if number == 0 and sight.camera_moves:
            contacts = lowest_contacts(above)
        else:
            above = above if number else points[..., 1] - points[..., 1].min(1, keepdims=True)
            contacts = _contacts(points, _across(seen, points, path), above, sure, sight.rate)
        if not contacts:
            return [], path
        flying = flights(sight, contacts, path) if number else np.zeros(count, bool)
        path = solve_path(sight, standing_of(contacts, count, POINTS), flying, heights, path)
    return contacts, path


def _across(seen: np.ndarray, points: np.ndarray, path: Path) -> np.ndarray:
    """Where points (F, P, 3) were seen (F, P, 2; at depth 1), metres across the first camera's line of sight."""
    depth = np.maximum(path.places[:, None, 2:] - points[..., 2:], 0.1)
    return seen * depth + path.places[:, None, :2] * [1, -1]


def _contacts(
    points: np.ndarray, across: np.ndarray, above: np.ndarray, sure: np.ndarray, rate: float
) -> list[Contact]:
    """Of the soles, and of hands that are low."""
    found: list[Contact] = []
    for part, highest in ((slice(0, len(LANDMARKS)), np.inf), (slice(len(LANDMARKS), POINTS), HAND_REACH)):
        own = find_contacts(points[:, part], across[:, part], above[:, part], sure[:, part], rate, highest)
        found += [replace(contact, point=contact.point + part.start) for contact in own]
    return found


def flights(sight: Sight, contacts: list[Contact], path: Path) -> np.ndarray:
    """(F,) bool: frames in which nothing of the body touches the floor, for long enough."""
    free = ~standing_of(contacts, len(sight.points), POINTS).any(1)
    free &= path.above(sight.touching + path.trans[:, None]).min(1) > FLIGHT_HEIGHT
    free &= path.above(sight.points[:, _REST] + path.trans[:, None]).min(1) > REST_HEIGHT
    edges = np.flatnonzero(np.diff(np.concatenate([[False], free, [False]]).astype(int)))
    for first, stop in edges.reshape(-1, 2):
        if stop - first < LEAST_FLIGHT:
            free[first:stop] = False
    return free


def sight_of(model: BodyModel, motion: BodyEstimate, rate: float) -> Sight:
    """What a path is solved from."""
    rotations = rotations_of(motion.poses.astype(np.float64))
    joints, world = model.skeleton(motion.betas[None], rotations)
    points = model.keypoints(motion.betas, joints, world).astype(np.float64)
    camera = Camera(float(motion.focal), np.asarray(motion.camera_center, np.float64), motion.image_size)
    turned = motion.camera_rotations is not None
    turns = motion.camera_rotations @ CAMERA_FROM_SMPL if turned else np.tile(CAMERA_FROM_SMPL, (len(points), 1, 1))
    mass = sum(share * joints[:, JOINT_INDEX[name]] for name, share in SHARES.items()) / sum(SHARES.values())
    ankles = points[:, [KEYPOINT_INDEX["left_ankle"], KEYPOINT_INDEX["right_ankle"]]].mean(1)
    leaning = points[:, KEYPOINT_INDEX["upper_neck"]] - ankles
    return Sight(
        points=points,
        touching=np.concatenate(
            [sole_points(model, motion.betas, rotations, np.zeros((len(points), 3))), joints[:, HANDS]], 1
        ),
        mass=mass.astype(np.float64),
        turns=turns,
        rays=camera.rays(motion.keypoints_2d[..., :2].astype(np.float64)),
        confidence=motion.keypoints_2d[..., 2].astype(np.float64),
        leaning=leaning / np.linalg.norm(leaning, axis=-1, keepdims=True),
        rate=rate,
        camera_moves=bool(turned and motion.camera_moves),
    )


def _stabilised(sight: Sight) -> np.ndarray:
    """Keypoints (F, K, 3) at depth 1 as the first camera would see them, and their confidence."""
    own = np.concatenate([sight.rays, np.ones_like(sight.rays[..., :1])], -1)
    first = np.einsum("ij,fkj,flk->fli", CAMERA_FROM_SMPL, sight.turns, own)
    return np.concatenate([first[..., :2] / np.maximum(first[..., 2:], 0.1), sight.confidence[..., None]], -1)
