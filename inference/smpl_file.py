"""Read SMPL's arrays from a file: the bundled open body, or a user's licensed SMPL."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class SmplArrays:
    """SMPL's arrays by SMPL's names, checked; float32, indices int32."""

    v_template: np.ndarray
    shapedirs: np.ndarray
    posedirs: np.ndarray | None
    J_regressor: np.ndarray
    weights: np.ndarray
    parents: np.ndarray
    f: np.ndarray
    vt: np.ndarray | None
    ft: np.ndarray | None
    beta_names: tuple[str, ...]
    vertex_mirror: np.ndarray | None
    landmarks: dict[str, int]


def read_smpl_file(path: Path) -> SmplArrays:
    """Read an npz of SMPL's arrays."""
    with np.load(path, allow_pickle=False) as z:
        arrays = {name: z[name] for name in z.files}
    parents = arrays["kintree_table"][0].astype(np.int64)
    parents[0] = -1
    return SmplArrays(
        arrays["v_template"], arrays["shapedirs"], arrays.get("posedirs"), arrays["J_regressor"], arrays["weights"],
        parents, arrays["f"], arrays.get("vt"), arrays.get("ft"), tuple(map(str, arrays["beta_names"])),
        arrays["vertex_mirror"], dict(zip(map(str, arrays["landmark_names"]), map(int, arrays["landmark_ids"]))),
    )  # fmt: skip
