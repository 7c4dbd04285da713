"""What a row of Table 1 trains: a PosePrior that may see the keypoints in another way, have other keypoints, or give
several answers. The batches are the same for all rows; each makes its own features of them."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from ....inference.geometry.joints import KEYPOINT_NAMES, MPII_COUNT
from ...people.instances import VIEW, Instances, People, true_keypoints
from ...runs.precision import mixed_precision
from .. import pose_prior
from ..corruption import CORRUPTION, detections, without_extras
from ..pose_prior import PoseTask, as_seen, upright
from ..supervision import point_errors
from .off_axis import anywhere_in_picture
from .pose_inputs import INPUTS
from .several_answers import SeveralAnswers, nearest_answer_loss

ALL_EXTRAS = replace(CORRUPTION, only_mpii=0.0, missing_extra=0.0)
_MPII = (np.arange(len(KEYPOINT_NAMES)) < MPII_COUNT)[:, None]


@dataclass(frozen=True)
class Config(pose_prior.Config):
    clean: float = 1.0
    units: int = 2
    output: str = "6d"
    bones: bool = False
    inputs: str = "rolled virtual camera"
    """A name of `pose_inputs.INPUTS`."""
    extras: str = "sometimes"
    """Whether the nine keypoints beyond MPII's are there in training: `sometimes`, `always`, or `never`."""
    answers: int = 1


class RowTask(PoseTask):
    """A PoseTask on people anywhere in the picture."""

    def __init__(self, config: Config, people: People | None = None):
        super().__init__(config, people)
        if config.answers > 1:
            self.network = SeveralAnswers(self.network, config.answers)

    def make_batch(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Keypoints with and without some of those beyond MPII's, and rotations as the camera sees them."""
        instances = self.people.draw(self.config.batch, rng)
        points, rotations = off_axis(instances, rng)
        keypoints = detections(points, rng, self.config.clean, ALL_EXTRAS)
        arrays = {
            "always": keypoints, "sometimes": without_extras(keypoints, rng, CORRUPTION), "rotations": rotations,
            "betas": instances.betas,
        }  # fmt: skip
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def loss(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        """That of PosePrior, or of the nearest of several answers."""
        keypoints = batch["sometimes" if self.config.extras == "sometimes" else "always"].numpy()
        arrays = self._allowed(keypoints), batch["rotations"].numpy(), batch["betas"].numpy()
        seen = as_seen(*arrays, INPUTS[self.config.inputs])
        return super().loss(seen) if self.config.answers == 1 else self._loss_of_several(seen)

    @torch.no_grad()
    def lift(self, keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (B, M, 24, 3, 3) of the answers to keypoints (B, 25, 3) of `VIEW`, the root's in the camera's
        upright frame; and which answer (B,) is likeliest."""
        features, turn = INPUTS[self.config.inputs](self._allowed(keypoints), VIEW)
        self.network.eval()
        numbers, second = self.network(torch.from_numpy(features))
        several = self.config.answers > 1
        rotations = self.network.to_matrix(numbers if several else numbers[:, None]).numpy().astype(np.float64)
        rotations[:, :, 0] = upright(turn).transpose(0, 2, 1)[:, None] @ rotations[:, :, 0]
        return rotations, second.argmax(1).numpy() if several else np.zeros(len(keypoints), int)

    def _allowed(self, keypoints: np.ndarray) -> np.ndarray:
        return keypoints * _MPII if self.config.extras == "never" else keypoints

    def _loss_of_several(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        count = self.config.answers
        with mixed_precision():
            numbers, logits = self.network(batch["features"])
        predicted = self.network.to_matrix(numbers.float())
        found = self.body(batch["betas"].repeat_interleave(count, 0), predicted.flatten(0, 1), None, self.subset)
        with torch.no_grad():
            true = self.body(batch["betas"], batch["rotations"], None, self.subset)
        errors = [
            point_errors(mine, theirs.repeat_interleave(count, 0), self.config.point_loss).unflatten(0, (-1, count))
            for mine, theirs in ((found.joints, true.joints), (found.vertices, true.vertices))
        ]
        rotation = ((predicted - batch["rotations"][:, None]) ** 2).sum((3, 4)).mean(2)
        loss, (rotation, joints, vertices) = nearest_answer_loss(torch.stack([rotation, *errors]), logits, self.extra)
        return loss, {"rotation": rotation.item(), "mpjpe": 1e3 * joints.item(), "pve": 1e3 * vertices.item()}


def off_axis(instances: Instances, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """True keypoints (B, 25, 2) in `VIEW`, of people anywhere in the picture, and rotations (B, 24, 3, 3) with the
    root's in that camera's upright frame."""
    points, turn = anywhere_in_picture(true_keypoints(instances), rng)
    rotations = instances.rotations.copy()
    rotations[:, 0] = upright(turn) @ rotations[:, 0]
    return points, rotations
