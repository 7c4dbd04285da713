"""A program of its own for `test_fuzz.py`: damaged inputs of every kind that is read, until they are so many.

`python fuzz_inputs.py FOLDER INPUTS SEED SECONDS` prints a JSON line with what became of each kind, and what memory
they took. It ends at once, and not well, where something is raised that is not meant for users, and where one input
takes longer than SECONDS; `FOLDER/last` names the input then, which lies beside it.
"""

import faulthandler
import io
import itertools
import json
import os
import pickle
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnx
from body_from_image.inference.body.body_estimate import BodyEstimate
from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.body.correction import read_corrections
from body_from_image.inference.errors import UserError
from body_from_image.inference.files.amass import is_estimate, read_motions
from body_from_image.inference.files.frames import open_inputs, timeline
from body_from_image.inference.files.images import read_image
from body_from_image.inference.files.keypoint_files import read_keypoints
from body_from_image.inference.networks.priors import ShapePrior
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

from test_estimate_file import arrays
from test_frames import make_anamorphic, write_video
from test_motion_files import wham
from test_smpl_file import smpl_arrays

ODD_NUMBERS = (np.nan, np.inf, -1, 0, 1e300, 2**63, -(2**70), True)
ODD = (*ODD_NUMBERS, None, "", "x", [], {}, [[]], b"")


@dataclass(frozen=True)
class Kind:
    """A whole file, as its bytes, or as a tree of dicts, lists and arrays with what packs it; and its reader."""

    name: str
    read: Callable[[Path], object]
    data: bytes = b""
    tree: object = None
    pack: Callable[[object], bytes] | None = None

    def damaged(self, rng: np.random.Generator) -> bytes:
        """Half of those with a tree are whole files with something wrong in them; all others are broken bytes."""
        if self.pack is None:
            return damaged(self.data, rng)
        if rng.integers(2):
            try:
                return self.pack(mutated(self.tree, rng))
            except (AttributeError, TypeError, ValueError, OverflowError):  # what no file can hold
                pass
        return damaged(self.pack(self.tree), rng)


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
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


def mutated(tree: object, rng: np.random.Generator) -> object:
    """The tree with one of its branches replaced by something odd, or gone."""
    if isinstance(tree, np.ndarray) and rng.integers(2):
        return odd_array(tree, rng)
    branches = list(tree) if isinstance(tree, dict) else list(range(len(tree))) if isinstance(tree, list) else []
    if not branches or not rng.integers(5):
        return ODD[rng.integers(len(ODD))]
    chosen = branches[rng.integers(len(branches))]
    copy = tree.copy()
    if rng.integers(4):
        copy[chosen] = mutated(tree[chosen], rng)
    else:
        del copy[chosen]
    return copy


def odd_array(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same with an odd number in it, another shape, or another type."""
    kind = rng.integers(4)
    if kind == 0 and array.size and array.dtype.kind == "f":
        array = array.copy()
        array.flat[rng.integers(array.size)] = rng.choice([np.nan, np.inf, 1e30, -1.0])
        return array
    if kind == 1 and array.ndim:
        return array[: rng.integers(len(array) + 1)]
    if kind == 2:
        return array.reshape(-1) if rng.integers(2) else array[None]
    return array.astype(rng.choice(["U3", "c8", "i1", "f2", "O", "?"]))


def pictures() -> Iterator[Kind]:
    y, x = np.mgrid[:48, :64]
    picture = Image.fromarray(np.stack([x * 4, y * 5, x + y], -1).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind, options in (("PNG", {}), ("JPEG", {"exif": exif}), ("TIFF", {}), ("BMP", {}), ("WEBP", {})):
        file = io.BytesIO()
        picture.save(file, kind, **options)
        yield Kind(f"{kind.lower()}", read_image, file.getvalue())
    deep = cv2.imencode(".png", np.dstack([x, y, x, y]).astype(np.uint16) * 900)[1].tobytes()
    yield Kind("deep.png", read_image, deep)
    yield Kind("phone.heic", read_image, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200))


def films(folder: Path) -> Iterator[Kind]:
    for name, codec in (("film.mp4", "mp4v"), ("film.avi", "MJPG"), ("film.mkv", "mp4v")):
        yield Kind(name, read_film, write_video(folder / f"whole_{name}", codec).read_bytes())
    yield Kind("wide.mp4", read_film, make_anamorphic(folder / "whole_film.mp4", 4, 3).read_bytes())


def read_film(path: Path) -> list:
    return [item.read() for item in timeline(open_inputs([path]))[:2]]


def documents() -> Iterator[Kind]:
    points = [[float(x), float(2 * x), 0.5] for x in range(25)]
    people = [{"pose_keypoints_2d": np.ravel(points).tolist()}]
    coco = [{"image_id": number, "keypoints": np.ravel(points[:17]).tolist(), "score": 0.9} for number in (1, 2)]
    corrections = [{"keypoint": "left_wrist", "x": 3, "y": 4}, {"keypoint": "left_knee", "nearer": 1, "frame": 1}]
    for name, tree, read in (
        ("ours.json", [{"image_size": [64, 48], "keypoints": points}] * 2, read_keypoints),
        ("openpose.json", {"people": people}, read_keypoints),
        ("coco.json", {"images": [{"id": 1, "width": 64, "height": 48}], "annotations": coco}, read_keypoints),
        ("alphapose.json", coco, read_keypoints),
        ("corrections.json", corrections, read_corrections),
    ):
        yield Kind(name, read, tree=tree, pack=lambda tree: json.dumps(tree).encode())
    for name, read in (("deep.json", read_keypoints), ("deep_corrections.json", read_corrections)):
        yield Kind(name, read, b'[{"keypoints":' * 3000)


def packed_npz(tree: dict) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{name: np.array(value) for name, value in tree.items()})
    return file.getvalue()


def motions() -> Iterator[Kind]:
    rotations = np.tile(np.eye(3), (3, 22, 1, 1))
    whole = {"poses": np.zeros((3, 156)), "trans": np.zeros((3, 3)), "betas": np.zeros(16), "mocap_framerate": 30.0}
    apart = {"global_orient": rotations[:, :1], "body_pose": rotations[:, 1:], "transl": np.zeros((3, 3))}
    people = {
        name: {"pose_world": np.zeros((3, 72)), "trans_world": np.zeros((3, 3)), "frame_ids": np.array([0, 1, 4])}
        for name in ("a", "b")
    }
    body = {"global_orient": rotations[0, :1], "body_pose": rotations[0, 1:], "betas": np.zeros(10)}
    frame = {"tid": [1, 2], "smpl": [body, body], "camera": [np.zeros(3)] * 2, "tracked_time": [0, 0]}
    for name, tree in (
        ("motion", whole), ("apart", apart), ("people", people), ("gvhmr", {"smpl_params_global": apart}),
        ("phalp", {"1.jpg": frame, "2.jpg": frame}),
    ):  # fmt: skip
        if name in ("motion", "apart"):
            yield Kind(f"{name}.npz", read_motion_file, tree=tree, pack=packed_npz)
        yield Kind(f"{name}.pkl", read_motion_file, tree=tree, pack=pickle.dumps)
    yield Kind("wham.pkl", read_motion_file, wham(verts=np.zeros((2, 3))))


def read_motion_file(path: Path) -> list:
    is_estimate(path)
    return [motion.upright(np.zeros(3)) for motion in read_motions(path)]


def bodies() -> Iterator[Kind]:
    tree = {name: np.asarray(array) for name, array in smpl_arrays(vertices=20).items()}
    yield Kind("estimate.npz", BodyEstimate.load, tree=arrays(), pack=packed_npz)
    yield Kind("body.npz", read_body, tree=tree, pack=packed_npz)
    yield Kind("body.pkl", read_body, tree=tree, pack=lambda tree: pickle.dumps(tree, protocol=2))


def read_body(path: Path) -> object:
    return BodyModel.load(path).pose(np.zeros((1, 10)), np.tile(np.eye(3), (1, 24, 1, 1)))


def networks() -> Iterator[Kind]:
    """A ShapePrior beside a licensed body, small enough that bytes of its graph are hit; and others in its place."""
    yield Kind("shape_prior.onnx", read_shape_prior, small_network())
    others = [{"coefficients": 78}, {"channels": 3}, {"weight": np.nan}, {"inputs": ("silhouettes", "prompts")}]
    turn = itertools.cycle(small_network(**other) for other in others)
    yield Kind("swapped.onnx", read_shape_prior, pack=lambda _: next(turn))


def small_network(
    coefficients: int = 10, channels: int = 1, weight: float = 1.0, inputs: Sequence[str] = ("silhouettes",)
) -> bytes:
    """Silhouettes (B, channels, 64, 64) to the betas (B, coefficients) that their mean makes."""
    make = onnx.helper
    nodes = [
        make.make_node("GlobalAveragePool", ["silhouettes"], ["pooled"]),
        make.make_node("Flatten", ["pooled"], ["flat"]),
        make.make_node("Gemm", ["flat", "weights"], ["betas"]),
    ]
    sides = [(channels, coefficients), np.full(channels * coefficients, weight)]
    weights = make.make_tensor("weights", onnx.TensorProto.FLOAT, *sides)
    seen = [make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ("b", channels, 64, 64)) for name in inputs]
    betas = make.make_tensor_value_info("betas", onnx.TensorProto.FLOAT, ("b", coefficients))
    graph = make.make_graph(nodes, "shape_prior", seen, [betas], [weights])
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
    make.set_model_props(model, {"body_model": "abc"})
    return model.SerializeToString()


def read_shape_prior(path: Path) -> np.ndarray:
    prior = ShapePrior("cpu", 1, file=path)
    return prior.body_model, prior(np.zeros((1, 64, 64), np.float32))


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def main() -> None:
    folder, inputs, seed, seconds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"  # before the first film is written, too
    cv2.setLogLevel(0)
    rng = np.random.default_rng(seed)
    kinds = [*pictures(), *films(folder), *documents(), *motions(), *bodies(), *networks()]
    counts = {kind.name: {"read": 0, "refused": 0, "slowest": 0.0} for kind in kinds}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(inputs):
        kind = kinds[number % len(kinds)]
        path = write(folder / kind.name, kind.damaged(rng))
        (folder / "last").write_text(kind.name)
        faulthandler.dump_traceback_later(seconds, exit=True)
        began = time.perf_counter()
        try:
            kind.read(path)
            counts[kind.name]["read"] += 1
        except UserError as error:
            counts[kind.name]["refused"] += 1
            assert str(error) and "Traceback" not in str(error)
        faulthandler.cancel_dump_traceback_later()
        counts[kind.name]["slowest"] = max(counts[kind.name]["slowest"], round(time.perf_counter() - began, 2))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps({"counts": counts, "megabytes": round(grown)}))


if __name__ == "__main__":
    main()
