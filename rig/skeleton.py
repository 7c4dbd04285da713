"""Any armature as numbers: its bones at rest, and where they go when some of them are turned."""

from collections.abc import Mapping
from dataclasses import dataclass

import bpy
import numpy as np


@dataclass(frozen=True)
class Skeleton:
    """N bones, parents before children; matrices in the armature's space, in its units."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    """-1 for a root."""
    rest: np.ndarray
    """(N, 4, 4)."""
    tails: np.ndarray
    """(N, 3) at rest."""
    basis: np.ndarray
    """(N, 4, 4) how each bone is posed now, relative to its rest."""
    connected: tuple[bool, ...]
    """Whether a bone sticks to its parent's tail, and cannot be moved."""
    turns_with_parent: tuple[bool, ...]
    moves_along_own_axes: tuple[bool, ...]

    @classmethod
    def of(cls, armature: bpy.types.Object) -> "Skeleton":
        bones = armature.data.bones
        names = tuple(bone.name for bone in bones)
        return cls(
            names=names,
            parents=tuple(names.index(bone.parent.name) if bone.parent else -1 for bone in bones),
            rest=np.array([np.array(bone.matrix_local) for bone in bones], np.float64),
            tails=np.array([np.array(bone.tail_local) for bone in bones], np.float64),
            basis=np.array([np.array(armature.pose.bones[name].matrix_basis) for name in names], np.float64),
            connected=tuple(bool(bone.parent) and bone.use_connect for bone in bones),
            turns_with_parent=tuple(bone.use_inherit_rotation for bone in bones),
            moves_along_own_axes=tuple(bone.use_local_location for bone in bones),
        )

    def head(self, name: str) -> np.ndarray:
        """(3,) at rest."""
        return self.rest[self.names.index(name), :3, 3]

    def tail(self, name: str) -> np.ndarray:
        """(3,) at rest."""
        return self.tails[self.names.index(name)]

    def location(self, name: str) -> np.ndarray:
        """(3,) the bone's own location channel as it is now."""
        return self.basis[self.names.index(name), :3, 3]

    def movable(self, name: str) -> str:
        """The bone itself, or its nearest ancestor that may be moved."""
        bone = self.names.index(name)
        while self.connected[bone]:
            bone = self.parents[bone]
        return self.names[bone]

    def turn(self, wanted: Mapping[str, np.ndarray], frame_count: int) -> "TurnedSkeleton":
        """Turn each bone of `wanted` to its orientation (F, 3, 3) in the armature's space; the others keep their pose
        relative to their parents. Scale counts as 1."""
        names = dict(enumerate(self.names))
        shape = (frame_count, len(names))
        local, world = np.empty((*shape, 3, 3)), np.empty((*shape, 3, 3))
        frames, heads = np.empty((*shape, 3, 3)), np.empty((*shape, 3))
        for bone, parent in enumerate(self.parents):
            if parent < 0:
                offset = np.broadcast_to(self.rest[bone], (frame_count, 4, 4))
                above, place = offset[:, :3, :3], offset[:, :3, 3]
            else:
                offset = np.linalg.inv(self.rest[parent]) @ self.rest[bone]
                above = world[:, parent] @ offset[:3, :3]
                place = heads[:, parent] + world[:, parent] @ offset[:3, 3]
            axes = above if self.moves_along_own_axes[bone] or parent < 0 else above @ self.rest[bone, :3, :3].T
            turning = above if self.turns_with_parent[bone] else np.broadcast_to(self.rest[bone, :3, :3], above.shape)
            if names[bone] in wanted:
                world[:, bone] = wanted[names[bone]]
                local[:, bone] = np.swapaxes(turning, -1, -2) @ world[:, bone]
                heads[:, bone] = place
            else:
                columns = self.basis[bone, :3, :3]
                local[:, bone] = columns / np.linalg.norm(columns, axis=0)
                world[:, bone] = turning @ local[:, bone]
                heads[:, bone] = place + axes @ self.basis[bone, :3, 3]
            frames[:, bone] = axes
        return TurnedSkeleton(self.names, local, heads, frames)


@dataclass(frozen=True)
class TurnedSkeleton:
    """F poses of a `Skeleton`'s N bones."""

    names: tuple[str, ...]
    local: np.ndarray
    """(F, N, 3, 3) what the bones' own rotation channels say."""
    heads: np.ndarray
    """(F, N, 3) in the armature's space."""
    axes: np.ndarray
    """(F, N, 3, 3) the axes that the bones' own location channels count along."""

    def rotation(self, name: str) -> np.ndarray:
        """(F, 3, 3) relative to rest."""
        return self.local[:, self.names.index(name)]

    def head(self, name: str) -> np.ndarray:
        """(F, 3)."""
        return self.heads[:, self.names.index(name)]

    def location(self, name: str, shift: np.ndarray) -> np.ndarray:
        """The location channel (F, 3) that moves a bone and all below it by `shift` (F, 3) of the armature's space."""
        return np.einsum("fji,fj->fi", self.axes[:, self.names.index(name)], shift)
