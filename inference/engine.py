"""The engine: a photo, or keypoints from elsewhere, to a `BodyEstimate`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .body_estimate import BodyEstimate, camera_from_upright, rotations_of, upright_from_camera
from .body_model import BodyModel
from .camera import Camera, choose_camera, solve_translation
from .crop import box_around
from .errors import NoPersonError
from .human2d import Detection, Human2D
from .images import Photo
from .joints import KEYPOINT_INDEX, keypoints_from_joints
from .person import SURE, box_of, find_person, person_silhouette
from .priors import PosePrior, ShapePrior
from .rotations import matrix_to_axis_angle

PARTS = {
    "legs": ("right_knee", "left_knee", "right_ankle", "left_ankle"),
    "arms": ("right_elbow", "left_elbow", "right_wrist", "left_wrist"),
    "head": ("upper_neck", "head_top"),
}


@dataclass(frozen=True)
class Settings:
    """What the user may choose. `field_of_view` in degrees across the longer side; `body_model` a licensed SMPL file."""

    device: str = "auto"
    threads: int | None = None
    size: str = "fast"
    body_model: Path | None = None
    field_of_view: float | None = None


@dataclass(frozen=True)
class Result:
    """An estimate, what Human2D saw (None for keypoints from elsewhere), and remarks that the user should read."""

    estimate: BodyEstimate
    detection: Detection | None
    remarks: tuple[str, ...]


class Engine:
    """Loads networks and body once; then one call a photo."""

    def __init__(self, settings: Settings | None = None):
        self.settings = settings or Settings()
        device, threads = self.settings.device, self.settings.threads
        self.body = BodyModel.load(self.settings.body_model)
        self.human2d = Human2D(self.settings.size, device, threads)
        # The priors take half a millisecond; moving them to another device would cost more than it saves.
        self.pose_prior = PosePrior("cpu", 1)
        self.shape_prior = ShapePrior("cpu", 1)

    def estimate(self, photo: Photo, box: np.ndarray | None = None) -> Result:
        """The person in a photo, or in `box` (x, y, width, height; pixels). Raises NoPersonError."""
        height, width = photo.pixels.shape[:2]
        detection = find_person(photo.pixels, self.human2d, box)
        camera = choose_camera((width, height), photo.focal, self.settings.field_of_view)
        betas, remarks = self._shape(person_silhouette(detection))
        bbox = box_of(detection)
        bbox = crop_box(detection) if bbox is None else bbox
        estimate = self._pose(detection.keypoints, betas, camera, bbox, detection.score, photo.path)
        return Result(estimate, detection, (*remarks, *remarks_on(detection.keypoints)))

    def estimate_from_keypoints(self, keypoints: np.ndarray, size: tuple[int, int], source: Path, focal=None) -> Result:
        """The body for keypoints (16, 3; pixels and confidence) found elsewhere, in a photo of `size` (width, height).

        There is no silhouette, so the body has the model's mean shape. Raises NoPersonError.
        """
        seen = keypoints[:, 2] > 0
        if seen.sum() < 5:
            raise NoPersonError(f"{source} gives {int(seen.sum())} keypoints; at least 5 are needed to pose a body.")
        camera = choose_camera(size, focal, self.settings.field_of_view)
        betas = np.zeros(self.body.shapedirs.shape[2], np.float32)
        score = float(keypoints[:, 2].mean())
        estimate = self._pose(keypoints, betas, camera, box_around(keypoints[seen, :2]), score, source)
        remarks = ("The shape is the average body: keypoints alone do not show it.", *remarks_on(keypoints))
        return Result(estimate, None, remarks)

    def _shape(self, silhouette: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        betas = self.shape_prior(silhouette[None])[0]
        if self.shape_prior.body_model != self.body.hash:
            remark = (
                f"The shape is the average body: ShapePrior was trained for another body model than {self.body.name}. "
                "`python -m body_from_image.training shape-prior --body-model FILE` trains it for this one."
            )
            return np.zeros(self.body.shapedirs.shape[2], np.float32), (remark,)
        return betas, ()

    def _pose(
        self, keypoints: np.ndarray, betas: np.ndarray, camera: Camera, bbox: np.ndarray, score: float, source: Path
    ) -> BodyEstimate:
        rotations = self.pose_prior(keypoints[None], camera)
        posed = self.body.pose(betas[None], rotations)
        head_top = posed.vertices[:, self.body.head_top]
        points = np.stack(keypoints_from_joints(posed.joints, head_top), -2)[0].astype(np.float64)
        translation = solve_translation(points, keypoints[:, :2], keypoints[:, 2] ** 2, camera)
        pelvis = posed.joints[0, 0] + translation
        rest_pelvis = self.body.rest_joints(betas[None])[0, 0]
        orient, trans = upright_from_camera(rotations[0, 0], pelvis, rest_pelvis)
        poses = matrix_to_axis_angle(rotations[0])
        poses[0] = orient
        return build_estimate(
            self.body, poses.reshape(1, 72), betas, trans[None], camera, keypoints[None], bbox[None], [score], source
        )


def build_estimate(
    body: BodyModel, poses, betas, trans, camera: Camera, keypoints, bbox, score, source: Path, frame_rate: float = 0.0
) -> BodyEstimate:
    """A `BodyEstimate` from parameters in SMPL's upright frame: poses (F, 72), betas (10,), trans (F, 3).

    Vertices are kept for a single picture only: a long clip of them would fill the memory.
    """
    poses, trans = np.asarray(poses, np.float32), np.asarray(trans, np.float32)
    posed = body.pose(betas[None], rotations_of(poses), trans)
    joints = camera_from_upright(posed.joints)
    return BodyEstimate(
        poses=poses,
        betas=np.asarray(betas, np.float32),
        trans=trans,
        keypoints_2d=np.asarray(keypoints, np.float32),
        joints_3d=joints,
        joints_2d=camera.project(joints).astype(np.float32),
        focal=camera.focal,
        camera_center=camera.center.astype(np.float32),
        image_size=camera.size,
        bbox=np.asarray(bbox, np.float32),
        score=np.asarray(score, np.float32),
        body_model=body.hash,
        faces=body.faces,
        vertices=camera_from_upright(posed.vertices) if len(poses) == 1 else None,
        mocap_framerate=frame_rate,
        source=Path(source).name,
    )


def crop_box(detection: Detection) -> np.ndarray:
    """The crop's own square as a box (x, y, width, height)."""
    crop = detection.crop
    return np.array([*(crop.center - crop.side / 2), crop.side, crop.side])


def remarks_on(keypoints: np.ndarray) -> tuple[str, ...]:
    """A sentence for each part of the body that was not seen, and whose pose is therefore a guess."""
    hidden = [
        part for part, names in PARTS.items()
        if all(keypoints[KEYPOINT_INDEX[name], 2] < SURE for name in names)
    ]  # fmt: skip
    return (f"Not seen, so guessed: {', '.join(hidden)}.",) if hidden else ()
