"""MediaPipe Pose 0.10.21 as a method among others. It lives in a Python of its own and is never a dependency."""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ....inference.geometry.joints import LIMB_KEYPOINTS
from ....inference.networks.crop import box_around
from ...data.photos2d import taught_keypoints
from .answers import Answer, nobody

NAME = "MediaPipe Pose 0.10.21"
_SCRIPT = Path(__file__).with_name("mediapipe_pose.py")


@dataclass(frozen=True)
class MediaPipe:
    """`python` is the interpreter of a virtual environment in which MediaPipe is installed."""

    python: Path

    def __call__(self, images: list[np.ndarray]) -> tuple[list[Answer], np.ndarray]:
        """Its answers on pictures (H, W, 3) uint8 RGB, given as they are, and milliseconds (N,) of each."""
        said = self.landmarks(images)
        found = [
            _answer(said["landmarks"][number], said[f"{number:06d}"], image) if said["found"][number]
            else nobody(image.shape[1::-1])
            for number, image in enumerate(images)
        ]  # fmt: skip
        return found, said["milliseconds"]

    def landmarks(self, images: list[np.ndarray]) -> dict[str, np.ndarray]:
        """What `mediapipe_pose.py` writes of pictures (H, W, 3) uint8 RGB. Raises RuntimeError when it does not run."""
        with tempfile.TemporaryDirectory() as folder:
            pictures, answers = Path(folder) / "pictures.npz", Path(folder) / "answers.npz"
            np.savez(pictures, **{f"{number:06d}": image for number, image in enumerate(images)})
            command = [str(self.python), str(_SCRIPT), str(pictures), str(answers)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
            return dict(np.load(answers))


def _answer(landmarks: np.ndarray, packed: np.ndarray, image: np.ndarray) -> Answer:
    keypoints = taught_keypoints(landmarks)
    height, width = image.shape[:2]
    mask = np.unpackbits(packed, count=height * width).reshape(height, width).astype(bool)
    box = cv2.boundingRect(mask.astype(np.uint8)) if mask.any() else box_around(keypoints[LIMB_KEYPOINTS, :2])
    score = float(keypoints[LIMB_KEYPOINTS, 2].mean())
    return Answer(keypoints, mask, np.array(box, float), score, score, True)
