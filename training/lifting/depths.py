"""What is depth from the picture worth? `python -m body_from_image.training evaluate-depth`.

On photos3d, for each kind of bone: by how much the depth of its far end behind its near one is off, in the body that
the engine fits to keypoints and outline alone, in Human2D's depths, in MediaPipe's, and in the best linear mixtures of
these. Mixtures are of coefficients from nine tenths of the photos, in blocks, and measured on the tenth.
"""

import argparse
from pathlib import Path

import numpy as np

from ...inference.engine import Engine, Settings
from ...inference.errors import NoPersonError
from ...inference.files.images import Photo
from ...inference.geometry.joints import JOINT_INDEX
from ...inference.networks.crop import box_around
from ..data.photos2d import taught_depth
from ..human2d.evaluation.beside import MediaPipe
from ..measure.figures import add_json_option, keep
from ..measure.photos3d import LIMB_NAMES, MeasuredPhoto, load_photos3d
from .photos import LIMBS, measured_depths

BONES = {
    "hip to hip": [("right_hip", "left_hip")],
    "shoulder to shoulder": [("right_shoulder", "left_shoulder")],
    "hip to shoulder": [("right_hip", "right_shoulder"), ("left_hip", "left_shoulder")],
    "thigh": [("right_hip", "right_knee"), ("left_hip", "left_knee")],
    "shin": [("right_knee", "right_ankle"), ("left_knee", "left_ankle")],
    "upper arm": [("right_shoulder", "right_elbow"), ("left_shoulder", "left_elbow")],
    "forearm": [("right_elbow", "right_wrist"), ("left_elbow", "left_wrist")],
}
CLEAR = 0.1
"""Metres of true depth from which its sign is counted."""
BLOCKS = 10
BODY, HUMAN2D, MEDIAPIPE = "body", "Human2D", "MediaPipe"


def depths_of(engine: Engine, photos: list[MeasuredPhoto], peer: MediaPipe | None) -> dict[str, np.ndarray]:
    """Depths (N, 12) of the limb joints in metres, by who says so; "truth" is the capture. Photos in which one of them
    saw nobody are left out."""
    said = None if peer is None else peer.landmarks([photo.image for photo in photos])
    rows = []
    for number, photo in enumerate(photos):
        if said is not None and not said["found"][number]:
            continue
        box = box_around(photo.keypoints[photo.keypoints[:, 2] > 0, :2])
        try:
            result = engine.estimate(Photo(photo.image, None, Path("photo.jpg")), box)
        except NoPersonError:
            continue
        camera = engine.camera(photo.image.shape[1::-1])
        truth = measured_depths(photo, camera)
        metre = camera.focal / truth.mean()
        body = result.estimate.joints_3d[0][[JOINT_INDEX[name] for name in LIMB_NAMES], 2]
        row = {"truth": truth, BODY: body, HUMAN2D: result.detection.depth[LIMBS] / metre}
        if said is not None:
            landmarks = said["landmarks"][number] * [1, 1, 1, photo.image.shape[1]]
            row[MEDIAPIPE] = taught_depth(landmarks)[LIMBS, 0] / metre
        rows.append(row)
    return {name: np.array([row[name] for row in rows], float) for name in rows[0]}


def behind(depths: np.ndarray, bones: list[tuple[str, str]]) -> np.ndarray:
    """How far the second end of each bone is behind the first, (N, B), for depths (N, 12)."""
    first, second = (np.array([LIMB_NAMES.index(bone[end]) for bone in bones]) for end in (0, 1))
    return depths[:, second] - depths[:, first]


def mixture_error(sources: list[np.ndarray], truth: np.ndarray) -> float:
    """Root mean square error of the best linear mixture of sources (N, B), its coefficients from other photos."""
    block = np.arange(len(truth)) * BLOCKS // len(truth)
    squares = []
    for held in range(BLOCKS):
        ours, others = block == held, block != held
        learnt, asked = (
            np.stack([*(source[part].ravel() for source in sources), np.ones(truth[part].size)], 1)
            for part in (others, ours)
        )
        weights = np.linalg.lstsq(learnt, truth[others].ravel(), rcond=None)[0]
        squares.append((asked @ weights - truth[ours].ravel()) ** 2)
    return float(np.sqrt(np.concatenate(squares).mean()))


def figures_of(depths: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Bone → column → centimetres, or the share of clear bones whose sign is right."""
    table = {}
    for bone, ends in BONES.items():
        found = {name: behind(values, ends) for name, values in depths.items()}
        truth = found.pop("truth")
        clear = np.abs(truth) >= CLEAR
        table[bone] = {"deviation of the truth": 100 * float(truth.std())}
        for name, values in found.items():
            table[bone][f"{name}, sign right"] = float((np.sign(values) == np.sign(truth))[clear].mean())
        table[bone] |= {f"{BODY} alone": 100 * mixture_error([found[BODY]], truth)}
        others = [name for name in found if name != BODY]
        for chosen in [[name] for name in others] + [others] * (len(others) > 1):
            sources = [found[name] for name in (BODY, *chosen)]
            table[bone][" + ".join((BODY, *chosen))] = 100 * mixture_error(sources, truth)
    return table


def as_markdown(table: dict[str, dict[str, float]]) -> str:
    columns = list(next(iter(table.values())))
    lines = ["| | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    for bone, figures in table.items():
        cells = [f"{figures[name]:.2f}" if "sign" in name else f"{figures[name]:.1f}" for name in columns]
        lines.append(f"| {bone} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="training evaluate-depth", description=__doc__.splitlines()[0])
    parser.add_argument("--beside-mediapipe", type=Path, help="the Python of an environment that has MediaPipe")
    parser.add_argument("--every", type=int, default=1, help="only every such photo of photos3d")
    add_json_option(parser, "depth")
    options = parser.parse_args(arguments)
    engine = Engine(Settings(device="cpu", threads=1))
    peer = MediaPipe(options.beside_mediapipe) if options.beside_mediapipe else None
    depths = depths_of(engine, load_photos3d()[:: options.every], peer)
    table = figures_of(depths)
    print(f"{len(depths['truth'])} photos; centimetres, and shares of bones that point {CLEAR} m in depth or more.\n")
    print(as_markdown(table))
    keep(options.json, "evaluate-depth", arguments, table)
