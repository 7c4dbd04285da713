"""What may be written on the command line."""

import argparse
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from ..inference.motion.smooth_motion import MOST_TILTED
from ..inference.networks.priors import POSE_WEIGHTS
from ..inference.networks.runtime import DEVICES, SIZES
from ..inference.refinement.depth_hypotheses import BEAM

PICTURE_FORMATS = ("npz", "overlay", "mask")
SCENE_FORMATS = ("fbx", "glb", "bvh", "blend", "obj")
DEFAULT_FORMATS = ("npz", "overlay", "fbx")
MOST_WORKERS = 1024
"""More is a slip of the finger; each holds an engine in some hundred megabytes."""
BONE_NAMES = ("smpl", "unreal", "unity", "mixamo")
ROOT_MOTIONS = ("pelvis", "in-place", "root-bone")
CLIP_FORMATS = {"fbx", "glb", "bvh"}


def parser() -> argparse.ArgumentParser:
    """Of the command `estimate`."""
    top = argparse.ArgumentParser(prog="body_from_image", description="Posed, rigged SMPL characters from photos.")
    estimate = top.add_subparsers(dest="command", required=True).add_parser(
        "estimate", help="a body for each picture, or for one moving person"
    )
    estimate.add_argument(
        "inputs", nargs="*", type=Path, metavar="IMAGE|DIR|VIDEO", help="with --keypoints they may be left out"
    )
    estimate.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to; made if missing")
    estimate.add_argument(
        "--format", type=formats, default=None, metavar="LIST",
        help=f"comma-separated: {','.join(PICTURE_FORMATS + SCENE_FORMATS)} (default {','.join(DEFAULT_FORMATS)})",
    )  # fmt: skip
    estimate.add_argument(
        "--keypoints", type=Path, metavar="FILE|DIR",
        help="OpenPose, COCO, AlphaPose or our own JSON, or a folder with one a frame; skips Human2D",
    )  # fmt: skip
    estimate.add_argument(
        "--image-size", type=image_size, metavar="W,H", help="of the keypoints' pictures, where these are not given"
    )
    estimate.add_argument("--body-model", type=Path, metavar="FILE", help="a licensed SMPL .pkl or .npz")
    estimate.add_argument("--box", type=box, metavar="X,Y,W,H", help="where the person is, in pixels")
    estimate.add_argument(
        "--people", type=people, default=1, metavar="N|all",
        help="of a picture or a motion, up to so many people, or all, a body each (default 1)",
    )  # fmt: skip
    estimate.add_argument("--fov", type=angle, metavar="DEG", help="field of view across the longer side")
    estimate.add_argument(
        "--height", type=stature, metavar="METRES", help="how tall the person is; else an average stature for the build"
    )
    estimate.add_argument("--device", choices=DEVICES, default="auto")
    estimate.add_argument(
        "--size", choices=SIZES, default="fast",
        help="of Human2D: fast, or hourglass, the paper's network, where its weights are there (not in Blender's zips)",
    )  # fmt: skip
    estimate.add_argument("--bones", choices=BONE_NAMES, default="smpl", help="names of the bones in exported files")
    estimate.add_argument(
        "--motion", action="store_true", help="the inputs are one moving person: one animated character"
    )
    estimate.add_argument(
        "--smooth", type=strength, metavar="0…1",
        help="with --motion: how much jitter is taken off; 0 leaves every frame as it was seen (default 0.25)",
    )  # fmt: skip
    estimate.add_argument(
        "--keep-feet",
        action=argparse.BooleanOptionalAction,
        help="with --motion: the person stands on a floor, standing feet neither slide nor sink (default: yes)",
    )
    estimate.add_argument(
        "--camera-tilt", type=tilt, metavar="PITCH,ROLL",
        help="with --motion: degrees that the first camera looks down by and is turned clockwise (default: estimated)",
    )  # fmt: skip
    estimate.add_argument(
        "--fps", type=rate, metavar="RATE",
        help="with --motion: frames a second of pictures (default 30), or to take of a film (default: as it has)",
    )  # fmt: skip
    estimate.add_argument(
        "--root-motion", choices=ROOT_MOTIONS, default="pelvis",
        help="with --motion, of FBX, GLB and BVH: the path is in the pelvis, left out, or in a root bone",
    )  # fmt: skip
    estimate.add_argument(
        "--reduce-keys", type=millimetres, metavar="MM",
        help="with --motion, of .blend: as few keys as hold every joint within MM in every frame (default: all keys)",
    )  # fmt: skip
    estimate.add_argument(
        "--refine",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="move the body until it lies on the photo: a tenth of a second a picture",
    )
    estimate.add_argument(
        "--pose-weights", choices=POSE_WEIGHTS, default="photos",
        help="mocap: a PosePrior that never learned from photos; worse on them, and free for any use",
    )  # fmt: skip
    estimate.add_argument(
        "--hypotheses", type=count, default=0, metavar="N",
        help=f"of a picture, also write up to N (1 to {BEAM - 1}) other bodies that it may show, most plausible first",
    )  # fmt: skip
    estimate.add_argument(
        "--correct", type=Path, metavar="FILE",
        help="JSON list of corrections of the picture, or of a motion's frames: keypoints put where they are; with "
        "--people, person says whose",
    )  # fmt: skip
    estimate.add_argument(
        "--resume", action="store_true",
        help="pass over inputs whose results are in --out already: whole, of the same input, with the same options",
    )  # fmt: skip
    estimate.add_argument(
        "--workers", type=workers, metavar="N", help="make so many pictures at once, the cores shared out (default 1)"
    )
    estimate.add_argument(
        "--ray", metavar="ADDRESS|local",
        help="make pictures on a Ray cluster, --workers of them at once (default: one for each two cores of it)",
    )  # fmt: skip
    estimate.add_argument("--json", action="store_true", help="print the results as JSON instead of a table")
    return top


def joined_numbers(arguments: Sequence[str]) -> list[str]:
    """The arguments with the numbers of `--box` and `--camera-tilt` joined to them: argparse takes numbers that begin
    with a minus for an option of their own."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in ("--box", "--camera-tilt"):
            joined[-1] = f"{joined[-1]}={argument}"
        else:
            joined.append(argument)
    return joined


def formats(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in PICTURE_FORMATS + SCENE_FORMATS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"unknown format {', '.join(unknown) or repr(text)}; known are {', '.join(PICTURE_FORMATS + SCENE_FORMATS)}"
        )
    return names


def box(text: str) -> np.ndarray:
    try:
        values = np.array([float(part) for part in text.split(",")])
    except ValueError:
        values = np.array([])
    if values.shape != (4,) or not np.isfinite(values).all() or values[2:].min() < 8:
        raise argparse.ArgumentTypeError(f"{text!r} is not a box: four numbers X,Y,W,H in pixels, W and H at least 8")
    return values


def image_size(text: str) -> tuple[int, int]:
    with suppress(ValueError):
        width, height = (int(part) for part in text.replace("x", ",").split(","))
        if min(width, height) > 0:
            return width, height
    raise argparse.ArgumentTypeError(f"{text!r} is not a picture's size: WIDTH,HEIGHT in pixels")


def people(text: str) -> int | None:
    """How many, or None for all."""
    if text.strip().lower() == "all":
        return None
    with suppress(ValueError):
        if int(text) >= 1:
            return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of people, 1 or more, or 'all'")


def workers(text: str) -> int:
    with suppress(ValueError):
        if 1 <= int(text) <= MOST_WORKERS:
            return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of workers from 1 to {MOST_WORKERS}")


def stature(text: str) -> float:
    with suppress(ValueError):
        if 0.5 <= float(text) <= 2.8:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a person's height in metres, such as 1.75")


def angle(text: str) -> float:
    with suppress(ValueError):
        if 5 <= float(text) <= 150:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a field of view between 5 and 150 degrees")


def strength(text: str) -> float:
    with suppress(ValueError):
        if 0 <= float(text) <= 1:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a strength between 0 and 1")


def rate(text: str) -> float:
    with suppress(ValueError):
        if 0 < float(text) <= 1000:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of frames a second between 0 and 1000")


def tilt(text: str) -> tuple[float, float]:
    with suppress(ValueError):
        pitch, roll = (float(part) for part in text.split(","))
        if max(abs(pitch), abs(roll)) <= MOST_TILTED:
            return pitch, roll
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a camera's pitch and roll: two numbers of degrees between -{MOST_TILTED} and {MOST_TILTED}"
    )


def millimetres(text: str) -> float:
    with suppress(ValueError):
        if 0.1 <= float(text) <= 100:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of millimetres between 0.1 and 100")


def count(text: str) -> int:
    with suppress(ValueError):
        if 1 <= int(text) < BEAM:
            return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {BEAM - 1}")
