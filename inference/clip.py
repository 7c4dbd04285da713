"""One moving person: followed from frame to frame; all frames become one estimate with one shape; smoothed and refined.

The shell and Blender both end here, so that a clip moves the same whoever asked.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from .body.assembly import Observed, turned_motion, with_motion
from .body.body_estimate import CAMERA_FROM_SMPL, BodyEstimate, rotations_of
from .body.body_model import BodyModel
from .engine import Engine, Lifted, check_keypoints
from .errors import NoPersonError, UserError
from .files.frames import InputItem
from .files.images import Photo
from .geometry.camera import Camera
from .motion.camera_motion import Background, CameraMotion, Turn, joined_turns
from .motion.lifting import SeenClip, spread
from .motion.refine_motion import refine_motion
from .motion.side_swaps import repair_sides
from .motion.smooth_motion import DEFAULT_RATE, STRENGTH, smooth_motion
from .motion.smoothing import fill_gaps
from .networks.colours import glimpse, is_cut
from .networks.crop import box_around
from .networks.human2d import Detection, score_of
from .networks.person import extent_of, person_cells
from .networks.tracking import Tracker
from .remarks import CAMERA_UNKNOWN, nobody_in_clip, remarks_on_cuts, remarks_on_motion, remarks_on_refined_motion

GUESS = 0.05
"""Most confidence of a keypoint in a frame that was filled in."""
FEWEST_FRAMES = 8
"""In which somebody is seen who counts as one of a clip's people: fewer is a mistake, or a passer-by."""
AHEAD = 3
"""Pictures that are read while the networks look at one."""


@dataclass(frozen=True)
class Frame:
    """What one frame showed. `keypoints` (25, 3) is None when nobody was found, `betas` (10,) when they are unknown."""

    keypoints: np.ndarray | None = None
    camera: Camera | None = None
    box: np.ndarray | None = None
    score: float = 0.0
    betas: np.ndarray | None = None
    remarks: tuple[str, ...] = ()
    """Sentences on the shape."""
    turn: Turn | None = None
    """Of the camera since the frame before, where the background showed it."""
    has_background: bool = False
    """Whether that was looked for: there is a picture."""
    cut: bool = False
    """Whether the film is cut before it."""


@dataclass(frozen=True)
class RawMotion:
    """The estimate of a clip as each frame showed it, and what was done to it."""

    estimate: BodyEstimate
    filled: int
    """Frames in which the person was not found; they lie between their neighbours and have score 0."""
    swapped: int
    """Frames in which left and right were exchanged, and put right."""
    shown_remarks: tuple[str, ...]
    """On the shape, the camera and the film."""
    first: int = 0
    """The film's frame in which it begins, counted from 0."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences for the user."""
        return *self.shown_remarks, *remarks_on_motion(self.estimate.score, self.swapped, self.first)


@dataclass(frozen=True)
class MotionOptions:
    """What the user may choose of a motion: `frame_rate` of pictures (0: the default; a film has its own), `strength`
    of the smoothing in 0–1, whether the motion stands on a floor, and its feet neither slide nor sink, and the pitch
    and roll of the (first) camera over that floor in degrees, where they are known (see `smooth_motion.up_of`)."""

    frame_rate: float = 0.0
    strength: float = STRENGTH
    keep_feet: bool = True
    camera_tilt: tuple[float, float] | None = None


@dataclass(frozen=True)
class Moving:
    """A clip's `estimate`, the `raw` one that it was smoothed from, refined where that was asked for, and sentences for
    the user."""

    estimate: BodyEstimate
    raw: BodyEstimate
    remarks: tuple[str, ...]


def estimate_motion(
    engine: Engine, frames: Iterable[Frame], first: InputItem, options: MotionOptions, refine: bool
) -> Moving:
    """One moving person, from what each frame of the clip that begins with `first` showed. Raises UserError."""
    raw = join_frames(engine, list(frames), first.fps or options.frame_rate, first.path)
    return finished(engine, raw, options, refine)


def finished(engine: Engine, raw: RawMotion, options: MotionOptions, refine: bool) -> Moving:
    """A raw motion refined, if that is asked for, and smoothed."""
    shown, remarks = raw.estimate, raw.remarks
    if refine:
        shown, kept = refine_motion(engine.body, smooth_motion(shown, engine.body), shown)
        remarks += remarks_on_refined_motion(shown.frame_count, kept)
    moving = smooth_motion(shown, engine.body, options.strength, options.keep_feet, options.camera_tilt)
    return Moving(moving, shown, remarks)


def read_ahead(items: Iterable[InputItem], unreadable: list[str]) -> Iterator[Photo | None]:
    """The pictures of a clip, the next ones read by a thread of their own; None for one that is missing, or that cannot
    be read, whose sentence goes to `unreadable`: one bad frame must not lose the others. Raises UserError at their end
    when none could be read."""
    read = 0
    with ThreadPoolExecutor(max_workers=1) as reader:
        items = iter(items)
        coming = [reader.submit(_read, item) for _, item in zip(range(AHEAD), items, strict=False)]
        while coming:
            try:
                photo = coming.pop(0).result()
                read += 1
            except UserError as error:
                unreadable.append(str(error))
                photo = None
            coming += [reader.submit(_read, item) for _, item in zip(range(1), items, strict=False)]
            yield photo
    if not read and unreadable:
        raise UserError(f"None of the {len(unreadable)} pictures could be read. {unreadable[0]}")


def _read(item: InputItem) -> Photo | None:
    return None if item.missing else item.read()


def look_at_frames(
    engine: Engine, photos: Iterable[Photo | None], first_box: np.ndarray | None = None
) -> Iterator[Frame]:
    """Look at each photo, following the person from frame to frame, and give what it showed. None stands for an
    unreadable photo.

    `first_box` (x, y, width, height) is where the user says that the person is when they first appear. Raises UserError
    for pictures that differ in size.
    """
    background = Background()
    for photo, cut, seen in _followed(engine, photos, 1, first_box):
        # After a cut, whoever is most prominent then goes on with the motion.
        frame = next(iter(seen.values()), Frame())
        if cut:
            background.cut()
        if photo is not None:
            boxes = [] if frame.box is None else [frame.box]
            turn = background(photo.pixels, boxes, engine.camera(photo.size, photo.focal))
            frame = replace(frame, turn=turn, has_background=True, cut=cut)
        yield frame


@dataclass(frozen=True)
class PersonInClip:
    """Somebody who was followed: the frames from `first`, counted from 0, to their last, as `look_at_frames` gives
    them."""

    first: int
    frames: list[Frame]
    turns: list[Turn | None] = field(default_factory=list)
    """Of the camera, in all of the clip's frames: one list for everybody."""
    cuts: list[int] = field(default_factory=list)
    """Frames of the clip before which it is cut; one list for everybody, too."""

    @property
    def seen(self) -> int:
        """In how many frames they were seen."""
        return sum(frame.keypoints is not None for frame in self.frames)


def look_at_people(
    engine: Engine, photos: Iterable[Photo | None], most: int | None = None,
    first_seen: Callable[[Frame], None] = lambda frame: None,
) -> list[PersonInClip]:  # fmt: skip
    """Follow everybody in a clip, or the `most` prominent: who was seen in at least `FEWEST_FRAMES` of its frames, or
    half of a shorter one's, those who were seen longest first. `first_seen` is told, of each frame that shows anybody,
    what it shows of whoever of them was found first. Raises UserError for pictures that differ in size."""
    people: dict[int, PersonInClip] = {}
    background, turns, cuts = Background(), [], []
    for number, (photo, cut, seen) in enumerate(_followed(engine, photos, most, None)):
        if cut:
            background.cut()
            cuts.append(number)
        boxes = [frame.box for frame in seen.values()]
        turns.append(photo and background(photo.pixels, boxes, engine.camera(photo.size, photo.focal)))
        if seen:
            first_seen(seen[min(seen)])
        for person, frame in seen.items():
            if person not in people:
                people[person] = PersonInClip(number, [], turns, cuts)
            frames = people[person].frames
            frames += [Frame()] * (number - people[person].first - len(frames))
            frames.append(frame)
    kept = [person for person in people.values() if person.seen >= min(FEWEST_FRAMES, max(1, len(turns) // 2))]
    return sorted(kept, key=lambda person: -person.seen)[:most]


def _followed(
    engine: Engine, photos: Iterable[Photo | None], most: int | None, first_box: np.ndarray | None
) -> Iterator[tuple[Photo | None, bool, dict[int, Frame]]]:
    """Each photo, whether the film is cut before it, and what it showed of each person, by numbers that stay theirs."""
    tracker = Tracker(engine.human2d, engine.finder, most, first_box)
    before: tuple[tuple[int, int], np.ndarray] | None = None
    for photo in photos:
        if photo is None:
            tracker.skipped()
            yield None, False, {}
            continue
        seen_small, cut = glimpse(photo.pixels), False
        if before is not None:
            _check_size(photo, before[0])
            cut = is_cut(before[1], seen_small)
        if cut:
            tracker.cut()
        before = photo.size, seen_small
        camera = engine.camera(photo.size, photo.focal)
        yield photo, cut, {number: _frame(engine, one, camera) for number, one in tracker(photo.pixels).items()}


def _frame(engine: Engine, detection: Detection, camera: Camera) -> Frame:
    betas, remarks = engine.shape(person_cells(detection))
    return Frame(detection.keypoints, camera, extent_of(detection), detection.score, betas, remarks)


def _check_size(photo: Photo, size: tuple[int, int]) -> None:
    if photo.size != size:
        raise UserError(
            f"{photo.path.name} has {photo.size[0]}×{photo.size[1]} pixels, but those before it {size[0]}×{size[1]}: "
            "pictures that differ in size are not one motion. Estimate them one by one instead."
        )


def frames_from_keypoints(
    engine: Engine, keypoints: Iterable[np.ndarray], size: tuple[int, int], source: Path, focal: float | None = None
) -> list[Frame]:
    """The same from keypoints (25, 3) of each frame, found elsewhere; `focal` is what the pictures' EXIF says,
    pixels."""
    camera = engine.camera(size, focal)
    frames = []
    for points in keypoints:
        try:
            check_keypoints(points, source)
        except NoPersonError:
            frames.append(Frame())
        else:
            frames.append(Frame(points, camera, box_around(points[points[:, 2] > 0, :2]), score_of(points)))
    return frames


def join_frames(
    engine: Engine, frames: list[Frame], frame_rate: float, source: Path,
    camera_of_film: tuple[CameraMotion | None, bool] | None = None,
) -> RawMotion:  # fmt: skip
    """One estimate for the clip. Raises NoPersonError when nobody was found.

    Left and right are put right where they were exchanged; then the frames are posed (`Engine.lift_clip`). The shape is
    the score-weighted median over the frames. Frames without a person lie between their neighbours. The camera moves as
    the frames' turns tell, or as `camera_of_film` in these frames, and whether that is known.
    """
    found = [frame for frame in frames if frame.keypoints is not None]
    if not found:
        raise NoPersonError(nobody_in_clip(len(frames), Path(source)))
    known, camera = np.array([frame.keypoints is not None for frame in frames]), found[0].camera
    scores = np.array([frame.score for frame in frames])
    keypoints, swapped = repair_sides(spread([frame.keypoints for frame in found], known), known)
    camera_motion, told = camera_of_film or joined_turns([frame.turn for frame in frames])
    clip = SeenClip(keypoints, known, camera, camera_motion, frame_rate or DEFAULT_RATE)
    rotations, uncertainty = engine.lift_clip(engine.pose_prior, clip)
    keypoints = fill_gaps(keypoints, known)
    keypoints[~known, :, 2] = np.minimum(keypoints[~known, :, 2], GUESS)
    boxes = fill_gaps(spread([frame.box for frame in found], known), known)
    seen_betas = [frame.betas for frame in found if frame.betas is not None]
    betas = weighted_median(np.stack(seen_betas), scores[known]) if seen_betas else engine.mean_betas
    lifted = [
        Lifted(points, turns, camera, unsure)
        for points, turns, unsure in zip(keypoints, rotations, uncertainty, strict=True)
    ]
    estimate = engine.place(lifted, betas, Observed(keypoints, boxes, scores, source), clip.rate)
    rotations, trans = rotations_of(estimate.poses.astype(np.float64)), fill_gaps(estimate.trans, known)
    if camera_motion is not None:
        estimate, rotations, trans = before_moving_camera(engine.body, estimate, rotations, trans, camera_motion)
    estimate = with_motion(estimate, engine.body, rotations, trans)
    lost = not told and any(frame.has_background for frame in frames[1:])
    cuts = remarks_on_cuts([number for number, frame in enumerate(frames) if frame.cut], several=False)
    remarks = (*found[0].remarks, *((CAMERA_UNKNOWN,) if lost else ()), *cuts)
    return RawMotion(estimate, int((~known).sum()), int(swapped.sum()), remarks)


def before_moving_camera(
    body: BodyModel, estimate: BodyEstimate, rotations: np.ndarray, trans: np.ndarray, camera: CameraMotion
) -> tuple[BodyEstimate, np.ndarray, np.ndarray]:
    """Rotations (F, 24, 3, 3) and translations (F, 3) that are each in their own camera's upright frame, in the first
    one's; and the estimate that knows the cameras."""
    turns = CAMERA_FROM_SMPL @ camera.rotations.swapaxes(1, 2) @ CAMERA_FROM_SMPL
    rotations, trans = turned_motion(body, estimate.betas, rotations, trans, turns)
    places = np.zeros((len(trans), 3), np.float32)
    turned = camera.rotations.astype(np.float32)
    return (
        replace(estimate, camera_rotations=turned, camera_places=places, camera_moves=camera.moves), rotations, trans
    )  # fmt: skip


def weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Median (S,) of values (N, S) by weights (N,)."""
    order = np.argsort(values, axis=0)
    shares = np.cumsum(weights[order], axis=0) / weights.sum()
    middle = np.argmax(shares >= 0.5, axis=0)
    return np.take_along_axis(np.take_along_axis(values, order, 0), middle[None], 0)[0].astype(np.float32)
