"""The engine: a photo, or keypoints from elsewhere, to a `BodyEstimate`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from .body.assembly import Motion, Observed, build_estimate, with_parameters
from .body.body_estimate import BodyEstimate, upright_from_camera
from .body.body_model import BodyModel
from .body.correction import Correction, check_corrections
from .body.stature import betas_at_height
from .correction.correct import correct_estimate
from .correction.spread import REACH, correct_motion
from .errors import NoPersonError
from .files.images import Photo
from .geometry.camera import Camera, choose_camera, solve_translation
from .geometry.joints import MPII_COUNT
from .geometry.rotations import matrix_to_axis_angle
from .models import MODELS
from .motion.lifting import Lift, TemporalPrior, frame_by_frame
from .networks.crop import Crop, box_around, heatmap_window
from .networks.everybody import find_everybody
from .networks.finder import Finder
from .networks.human2d import Detection, Human2D, score_of
from .networks.person import Found, extent_of, find_person, person_cells
from .networks.priors import POSE_WEIGHTS, PosePrior, ShapePrior
from .people import stand_apart
from .refinement.depth_hypotheses import Hypothesis, hypotheses
from .refinement.parametric_body import Parameters
from .refinement.refine import Refined, evidence_of, parameters_of, refine, upright_of
from .remarks import (
    MEAN_SHAPE,
    NOT_REFINED,
    remarks_on_finding,
    remarks_on_keypoints,
    remarks_on_refused,
    remarks_on_score,
    shape_not_trained,
)

FEWEST_KEYPOINTS = 5
"""MPII's keypoints without which no body can be posed."""


@dataclass(frozen=True)
class Settings:
    """What the user may choose. `field_of_view` in degrees across the longer side; `body_model` a licensed SMPL
    file; `height` of the person in metres; `refine` to move the body until it lies on the photo, a tenth of a
    second."""

    device: str = "auto"
    threads: int | None = None
    size: str = "fast"
    body_model: Path | None = None
    field_of_view: float | None = None
    height: float | None = None
    refine: bool = True
    pose_weights: str = "photos"
    """One of `priors.POSE_WEIGHTS`."""


@dataclass(frozen=True)
class Result:
    """An estimate, what Human2D saw (None for keypoints from elsewhere), remarks that the user should read, and the
    boxes (N, 4) of other people in the picture, where they were looked for."""

    estimate: BodyEstimate
    detection: Detection | None
    remarks: tuple[str, ...]
    others: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))


@dataclass(frozen=True)
class Group:
    """Several people of one photo, and sentences on the photo as a whole."""

    people: list[Result]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lifted:
    """One frame's keypoints (25, 3), the rotations (24, 3, 3) they show (the root's in the camera's OpenCV frame), the
    camera, and the angle (24,) in degrees by which each rotation is likely to be off."""

    keypoints: np.ndarray
    rotations: np.ndarray
    camera: Camera
    uncertainty: np.ndarray


class Engine:
    """Loads networks and body once; then one call a photo."""

    def __init__(self, settings: Settings | None = None):
        self.settings = settings or Settings()
        device, threads = self.settings.device, self.settings.threads
        self.body = BodyModel.load(self.settings.body_model)
        self.human2d = Human2D(self.settings.size, device, threads)
        self.finder = Finder(device, threads)
        # The priors take half a millisecond; moving them to another device would cost more than it saves.
        self.pose_prior = PosePrior("cpu", 1, MODELS / f"{POSE_WEIGHTS[self.settings.pose_weights]}.onnx")
        # The temporal prior learnt from what the finetuned weights answer, so it belongs to them.
        self.lift_clip: Lift = TemporalPrior() if self.settings.pose_weights == "photos" else frame_by_frame
        """Poses the frames of a clip."""
        self.shape_prior = ShapePrior("cpu", 1, self.settings.body_model)

    def detect(self, photo: Photo, box: np.ndarray | None = None) -> Found:
        """Find the person in a photo, or look at the one in `box` (x, y, width, height; pixels). Raises
        NoPersonError."""
        return find_person(photo.pixels, self.human2d, self.finder, box)

    def camera(self, size: tuple[int, int], exif_focal: float | None = None) -> Camera:
        """The camera of a photo of `size` (width, height), by the settings, its EXIF data or the default."""
        return choose_camera(size, exif_focal, self.settings.field_of_view)

    def estimate(self, photo: Photo, box: np.ndarray | None = None) -> Result:
        """The person in a photo, or in `box` (x, y, width, height; pixels). Raises NoPersonError."""
        found = self.detect(photo, box)
        return replace(self._body_of(photo, found.detection, remarks_on_finding(found)), others=found.others)

    def estimate_people(self, photo: Photo, most: int | None = None) -> Group:
        """Everybody in a photo, the most prominent first, at most `most`: before one camera, and none inside another.
        Raises NoPersonError."""
        found = find_everybody(photo.pixels, self.human2d, self.finder, most)
        people = [self._body_of(photo, one, remarks_on_score(one.score)) for one in found.detections]
        estimates = stand_apart(self.body, [person.estimate for person in people])
        people = [replace(person, estimate=estimate) for person, estimate in zip(people, estimates, strict=True)]
        return Group(people, remarks_on_refused(found.refused))

    def _body_of(self, photo: Photo, detection: Detection, told: tuple[str, ...]) -> Result:
        """The body of somebody who was seen; `told` are remarks on how they were found."""
        cells = person_cells(detection)
        betas, remarks = self.shape(cells)
        lifted = self.lift(detection.keypoints, self.camera(photo.size, photo.focal))
        estimate = self.place([lifted], betas, observed(detection, photo.path))
        estimate, kept = self._refined_if_asked(with_silhouette(estimate, cells, detection.crop))
        return Result(estimate, detection, (*remarks, *told, *remarks_on_keypoints(detection.keypoints), *kept))

    def estimate_from_keypoints(
        self, keypoints: np.ndarray, size: tuple[int, int], source: Path, focal: float | None = None
    ) -> Result:
        """The body for keypoints (25, 3; pixels and confidence) found elsewhere, in a photo of `size` (width, height).

        There is no silhouette, so the body has the model's mean shape. Raises NoPersonError.
        """
        check_keypoints(keypoints, source)
        lifted = self.lift(keypoints, self.camera(size, focal))
        box = box_around(keypoints[keypoints[:, 2] > 0, :2])
        seen = Observed(keypoints[None], box[None], np.array([score_of(keypoints)]), source)
        estimate = self.place([lifted], self.mean_betas, seen)
        estimate, kept = self._refined_if_asked(estimate)
        return Result(estimate, None, (MEAN_SHAPE, *remarks_on_keypoints(keypoints), *kept))

    def refine(self, estimate: BodyEstimate) -> tuple[BodyEstimate, Refined]:
        """A single picture's estimate, moved until it lies on its own keypoints and silhouette; the same estimate when
        that was not accepted."""
        evidence = evidence_of(estimate, keep_height=bool(self.settings.height))
        refined = refine(self.body, parameters_of(self.body, estimate), evidence)
        return (self._moved(estimate, refined.parameters) if refined.accepted else estimate), refined

    def correct(
        self, estimate: BodyEstimate, corrections: Sequence[Correction], reach: int = REACH
    ) -> tuple[BodyEstimate, tuple[str, ...]]:
        """An estimate put right by a person: limbs go where `corrections` say, all else stays. In a motion a correction
        fades over `reach` frames. Also sentences for the user. Raises UserError."""
        check_corrections(corrections, estimate.image_size, estimate.frame_count)
        if estimate.frame_count > 1:
            return correct_motion(self.body, estimate, corrections, reach)
        return correct_estimate(self.body, estimate, corrections)

    def others(self, estimate: BodyEstimate, count: int) -> list[tuple[BodyEstimate, Hypothesis]]:
        """At most `count` other bodies that a single picture may show, first the most plausible: limbs go back instead
        of forward. Weights are among these and the estimate itself."""
        parameters, uncertainty = parameters_of(self.body, estimate), estimate.joint_uncertainty
        uncertainty = None if uncertainty is None else uncertainty[0].astype(np.float64)
        ranked = hypotheses(self.body, parameters, evidence_of(estimate), uncertainty, count + 1)
        return [(self._moved(estimate, one.parameters), one) for one in ranked if one.flips]

    def _moved(self, estimate: BodyEstimate, parameters: Parameters) -> BodyEstimate:
        poses, trans = upright_of(self.body, parameters)
        return with_parameters(estimate, self.body, Motion(poses[None], parameters.betas, trans[None]))

    def _refined_if_asked(self, estimate: BodyEstimate) -> tuple[BodyEstimate, tuple[str, ...]]:
        if not self.settings.refine:
            return estimate, ()
        estimate, refined = self.refine(estimate)
        return estimate, () if refined.accepted else (NOT_REFINED,)

    @property
    def mean_betas(self) -> np.ndarray:
        """Betas (10,) of the average body."""
        return np.zeros(self.body.shapedirs.shape[2], np.float32)

    def shape(self, silhouette: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        """Betas (10,) for a silhouette (64, 64), and a remark when ShapePrior was trained for another body model."""
        if self.shape_prior.body_model == self.body.hash:
            return self.shape_prior(silhouette[None])[0], ()
        return self.mean_betas, (shape_not_trained(self.body.name),)

    def lift(self, keypoints: np.ndarray, camera: Camera) -> Lifted:
        """The pose that keypoints (25, 3; pixels and confidence) show, in the camera's frame."""
        rotations, uncertainty = self.pose_prior.with_uncertainty(keypoints[None], camera)
        return Lifted(keypoints, rotations[0], camera, uncertainty[0])

    def place(self, frames: list[Lifted], betas: np.ndarray, seen: Observed, frame_rate: float = 0.0) -> BodyEstimate:
        """Stand the posed body of each frame where its keypoints are, and describe it all as one estimate of F frames.

        `betas` (10,), with another stature when the user said how tall the person is.
        """
        if self.settings.height:
            betas = betas_at_height(self.body, betas, self.settings.height)
        rotations = np.stack([frame.rotations for frame in frames])
        joints, world = self.body.skeleton(betas[None], rotations)
        points = self.body.keypoints(betas, joints, world).astype(np.float64)
        pelvis = joints[:, 0] + np.stack(
            [translation_of(frame, own) for frame, own in zip(frames, points, strict=True)]
        )
        orient, trans = upright_from_camera(rotations[:, 0], pelvis, self.body.rest_joints(betas[None])[0, 0])
        poses = matrix_to_axis_angle(rotations)
        poses[:, 0] = orient
        motion = Motion(poses.reshape(-1, 72), betas, trans, frame_rate)
        estimate = build_estimate(self.body, motion, frames[0].camera, seen)
        uncertainty = np.stack([frame.uncertainty for frame in frames])
        return replace(estimate, joint_uncertainty=uncertainty.astype(np.float32))


def translation_of(frame: Lifted, points: np.ndarray) -> np.ndarray:
    """Where the body's keypoints (25, 3) must be moved to lie on those of the photo. Confidence counts squared: it is a
    probability, and an unsure keypoint is worse than its share."""
    return solve_translation(points, frame.keypoints[:, :2], frame.keypoints[:, 2] ** 2, frame.camera)


def observed(detection: Detection, source: Path) -> Observed:
    """What an estimate of one picture rests on."""
    return Observed(detection.keypoints[None], extent_of(detection)[None], np.array([detection.score]), source)


def with_silhouette(estimate: BodyEstimate, cells: np.ndarray, crop: Crop) -> BodyEstimate:
    """The estimate with what Human2D saw of the person's outline in a crop, as `person_cells` gives it."""
    silhouette = np.round(255 * cells.clip(0, 1)).astype(np.uint8)
    return replace(estimate, silhouette=silhouette, silhouette_window=heatmap_window(crop))


def check_keypoints(keypoints: np.ndarray, source: Path) -> None:
    """Raise NoPersonError when keypoints (25, 3) hold too little of a person to pose a body, or are no numbers."""
    if not np.isfinite(keypoints).all():
        raise NoPersonError(f"{source} gives keypoints that are no numbers.")
    seen = int((keypoints[:MPII_COUNT, 2] > 0).sum())
    if seen < FEWEST_KEYPOINTS:
        raise NoPersonError(f"{source} gives {seen} keypoints; at least {FEWEST_KEYPOINTS} are needed to pose a body.")
