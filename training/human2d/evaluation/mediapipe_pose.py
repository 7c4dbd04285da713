"""MediaPipe Pose on a folder of pictures, for the comparison: `python mediapipe_pose.py PICTURES.npz ANSWERS.npz`.

Runs by itself in a virtual environment of its own (`pip install mediapipe==0.10.21`), and imports nothing of ours. The
wheel holds the models of `model_complexity=1` and needs no network.
"""

import sys
import time

import mediapipe
import numpy as np


def main(pictures: str, answers: str) -> None:
    """`pictures` holds arrays (H, W, 3) uint8 RGB; `answers` gets `landmarks` (N, 33, 4: x, y in pixels, visibility,
    z), `found` (N,), `milliseconds` (N,) and each picture's mask, packed bits, under its own name."""
    pose = mediapipe.solutions.pose.Pose(
        static_image_mode=True, model_complexity=1, enable_segmentation=True, min_detection_confidence=0.1
    )
    images = np.load(pictures)
    landmarks = np.zeros((len(images.files), 33, 4))
    found = np.zeros(len(images.files), bool)
    milliseconds = np.zeros(len(images.files))
    masks = {}
    for number, name in enumerate(images.files):
        image = images[name]
        height, width = image.shape[:2]
        began = time.perf_counter()
        result = pose.process(image)
        milliseconds[number] = 1e3 * (time.perf_counter() - began)
        if result.pose_landmarks is not None:
            found[number] = True
            landmarks[number] = [
                (mark.x * width - 0.5, mark.y * height - 0.5, mark.visibility, mark.z)
                for mark in result.pose_landmarks.landmark
            ]
            masks[name] = np.packbits(result.segmentation_mask >= 0.5)
    np.savez_compressed(answers, landmarks=landmarks, found=found, milliseconds=milliseconds, **masks)


if __name__ == "__main__":
    main(*sys.argv[1:])
