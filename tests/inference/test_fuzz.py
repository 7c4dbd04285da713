"""Ten thousand damaged files of every kind that is read: each is read, or refused in a sentence, at once."""

import io
import json
import pickle
import resource
import time

import cv2
import numpy as np
import pytest
from body_from_image.inference.body.body_estimate import BodyEstimate
from body_from_image.inference.body.smpl_file import read_smpl_file
from body_from_image.inference.errors import UserError
from body_from_image.inference.files.amass import read_motion
from body_from_image.inference.files.frames import open_inputs
from body_from_image.inference.files.images import read_image
from body_from_image.inference.files.keypoint_files import read_keypoints
from PIL import Image

from .test_estimate_file import arrays, packed
from .test_frames import write_video
from .test_smpl_file import npz_bytes, smpl_arrays

INPUTS = 10_000
SECONDS = 20.0
"""For one input, on a busy machine."""
MEGABYTES = 1500
"""That the process may grow by over all inputs."""


def pictures():
    y, x = np.mgrid[:48, :64]
    picture = Image.fromarray(np.stack([x * 4, y * 5, x + y], -1).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind, options in (("PNG", {}), ("JPEG", {"exif": exif}), ("TIFF", {}), ("BMP", {}), ("WEBP", {})):
        file = io.BytesIO()
        picture.save(file, kind, **options)
        yield kind.lower(), file.getvalue(), read_image


def documents():
    points = [[float(x), float(2 * x), 0.5] for x in range(25)]
    yield "ours.json", json.dumps([{"image_size": [64, 48], "keypoints": points}] * 2).encode(), read_keypoints
    people = [{"pose_keypoints_2d": np.ravel(points).tolist()}]
    yield "openpose.json", json.dumps({"people": people}).encode(), read_keypoints


def others(folder):
    yield "estimate.npz", packed(arrays()).getvalue(), BodyEstimate.load
    yield "motion.npz", npz_bytes({"poses": np.zeros((3, 72)), "trans": np.zeros((3, 3))}), read_motion
    yield "body.npz", npz_bytes(smpl_arrays(vertices=20)), read_smpl_file
    yield "body.pkl", pickle.dumps(smpl_arrays(vertices=20), protocol=2), read_smpl_file
    film = write_video(folder / "whole.mp4").read_bytes()
    yield "film.mp4", film, lambda path: [item.read() for item in open_inputs([path])[:2]]


def damaged(data, rng):
    """The bytes with some changed, cut, doubled or filled with what lengths are made of."""
    changed = bytearray(data)
    kind = rng.integers(5)
    at = int(rng.integers(len(data)))
    if kind == 0:
        return bytes(changed[:at])
    if kind == 1:
        changed[at : at + 8] = bytes([int(rng.choice([0, 0x7F, 0xFF]))]) * int(rng.integers(1, 9))
    elif kind == 2:
        changed[at:at] = changed[int(rng.integers(len(data))) :][:64]
    else:
        for _ in range(int(rng.integers(1, 12))):
            changed[int(rng.integers(min(len(data), 200 if kind == 3 else len(data))))] = int(rng.integers(256))
    return bytes(changed)


@pytest.mark.slow
def test_ten_thousand_damaged_files(tmp_path):
    rng = np.random.default_rng(20)
    cv2.setLogLevel(0)
    kinds = [*pictures(), *documents(), *others(tmp_path)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused = 0
    for number in range(INPUTS):
        name, data, read = kinds[number % len(kinds)]
        path = tmp_path / name
        content = damaged(data, rng)
        path.write_bytes(content)
        began = time.perf_counter()
        try:
            read(path)
        except UserError as error:
            refused += 1
            assert "Traceback" not in str(error)
        except Exception as error:
            (tmp_path / "culprit").write_bytes(content)
            pytest.fail(f"{name}, input {number}: {error!r}; see {tmp_path / 'culprit'}")
        assert time.perf_counter() - began < SECONDS, (name, number)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert refused > INPUTS / 4 and grown < MEGABYTES
