"""BVH: the skeleton and its motion as text, y up, metres, degrees.

Written here and not by Blender's exporter, which writes z up: what reads BVH expects y up.
"""

from pathlib import Path

import numpy as np

from ..armature import joint_bones
from ..axes import points_to_smpl, rotations_to_smpl
from ..character import Character
from .options import ExportOptions
from .root_motion import ROOT_BONE, with_root_motion
from .sampling import SampledClip, sample_clip

LOCKED = 1e-4
"""Cosine of x below which z and y turn about the same axis."""
END_SITE = 0.05
"""Length of the stub that BVH wants at the end of every chain; the file's joints do not depend on it."""


def write_bvh(character: Character, path: Path, options: ExportOptions) -> None:
    """Write all bones and every frame of the clip; rotations only, but for the root, and for the pelvis where that
    hangs on a root bone.

    Offsets of what has position channels are zero, so that these mean the same to readers that add the offset and to
    those that do not.
    """
    clip = with_root_motion(sample_clip(character.armature), character, options.root_motion)
    if options.rest_frame:
        clip = clip.after_rest()
    called = dict(zip(joint_bones(character.armature), options.names.bones, strict=True))
    labels = [called.get(bone, bone).replace(" ", "_") for bone in clip.bones]
    hierarchy, order = _hierarchy(clip, labels)
    positions, angles = _motion(clip)
    channels = [part for bone in order for part in _channels_of(clip, bone, positions, angles)]
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("\n".join(["HIERARCHY", *hierarchy, "MOTION", f"Frames: {clip.frame_count}"]))
        file.write(f"\nFrame Time: {1 / clip.frame_rate:.8f}\n")
        np.savetxt(file, np.hstack(channels), fmt="%.6f")


def _hierarchy(clip: SampledClip, labels: list[str]) -> tuple[list[str], list[int]]:
    """The text's lines, and the bones in the order in which their channels follow."""
    scale = np.linalg.norm(clip.world[:3, 0])
    heads = points_to_smpl(clip.rest[:, :3, 3]) * scale
    axes = points_to_smpl(clip.rest[:, :3, 1])
    lines, order = [], []

    def visit(bone: int, depth: int) -> None:
        order.append(bone)
        parent = clip.parents[bone]
        moves = _moves(clip, bone)
        offset = np.zeros(3) if moves else heads[bone] - heads[parent]
        rotations = "Zrotation Xrotation Yrotation"
        channels = f"6 Xposition Yposition Zposition {rotations}" if moves else f"3 {rotations}"
        pad = "\t" * depth
        lines.extend([f"{pad}{'JOINT' if parent >= 0 else 'ROOT'} {labels[bone]}", f"{pad}{{"])
        lines.extend([f"{pad}\tOFFSET {_numbers(offset)}", f"{pad}\tCHANNELS {channels}"])
        children = [child for child, above in enumerate(clip.parents) if above == bone]
        for child in children:
            visit(child, depth + 1)
        if not children:
            end = _numbers(axes[bone] * END_SITE)
            lines.extend([f"{pad}\tEnd Site", f"{pad}\t{{", f"{pad}\t\tOFFSET {end}", f"{pad}\t}}"])
        lines.append(f"{pad}}}")

    for root in (bone for bone, parent in enumerate(clip.parents) if parent < 0):
        visit(root, 0)
    return lines, order


def _motion(clip: SampledClip) -> tuple[np.ndarray, np.ndarray]:
    """Positions (F, N, 3) in metres and continuous z-x-y angles (F, N, 3) in degrees, relative to the parent, y up.

    BVH knows no bone axes: at rest every joint's frame is the world's, so a rotation is pose times inverse rest.
    """
    turned, places = rotations_to_smpl(clip.turned()), points_to_smpl(clip.placed()[..., :3, 3])
    relative, apart = turned.copy(), places.copy()
    for bone, parent in enumerate(clip.parents):
        if parent >= 0:
            back = np.swapaxes(turned[:, parent], -1, -2)
            relative[:, bone] = back @ turned[:, bone]
            apart[:, bone] = np.einsum("fij,fj->fi", back, places[:, bone] - places[:, parent])
    return apart, np.degrees(_continuous(_zxy_angles(relative)))


def _channels_of(clip: SampledClip, bone: int, positions: np.ndarray, angles: np.ndarray) -> list[np.ndarray]:
    return [positions[:, bone], angles[:, bone]] if _moves(clip, bone) else [angles[:, bone]]


def _moves(clip: SampledClip, bone: int) -> bool:
    """Whether a bone is elsewhere in each frame, and not just turned."""
    parent = clip.parents[bone]
    return parent < 0 or clip.bones[parent] == ROOT_BONE


def _zxy_angles(matrices: np.ndarray) -> np.ndarray:
    """Angles (..., 3) with R = Rz(z) Rx(x) Ry(y), of rotations (..., 3, 3), radians."""
    x = np.arcsin(np.clip(matrices[..., 2, 1], -1, 1))
    z = np.arctan2(-matrices[..., 0, 1], matrices[..., 1, 1])
    y = np.arctan2(-matrices[..., 2, 0], matrices[..., 2, 2])
    # Where x is ±90°, z and y turn about the same axis: all of it goes to z.
    locked = np.abs(matrices[..., 2, 1]) > 1 - 1e-9
    z = np.where(locked, np.arctan2(matrices[..., 1, 0], matrices[..., 0, 0]), z)
    y = np.where(locked, 0.0, y)
    return np.stack([z, x, y], axis=-1)


def _continuous(angles: np.ndarray) -> np.ndarray:
    """Angles (F, N, 3) as `_zxy_angles` gives them, each frame's as near to the last one's as others of the same
    rotation are: whole turns more, or x beyond ±90° and z and y half a turn on."""
    smooth = angles.copy()
    for frame in range(1, len(angles)):
        before, (z, x, y) = smooth[frame - 1], np.moveaxis(angles[frame], -1, 0)
        # Where x is ±90° z takes on what y does not: y stays.
        side, locked = np.sign(x), np.abs(np.cos(x)) < LOCKED
        z, y = np.where(locked, z + side * (y - before[:, 2]), z), np.where(locked, before[:, 2], y)
        ways = np.stack([np.stack([z, x, y], -1), np.stack([z + np.pi, np.pi - x, y + np.pi], -1)])
        ways += 2 * np.pi * np.round((before - ways) / (2 * np.pi))
        nearer = np.abs(ways - before).sum(-1).argmin(0)
        smooth[frame] = np.take_along_axis(ways, nearer[None, :, None], 0)[0]
    return smooth


def _numbers(vector: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in vector)
