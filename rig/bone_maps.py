"""Which bone of somebody else's skeleton is which of SMPL's joints: known naming schemes first, else a guess by names.

Only names and the tree of bones count, so a map can be made of any armature in any pose.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import bpy

from ..inference.errors import UserError
from ..inference.geometry.joints import JOINT_NAMES
from .bone_names import PRESETS

SPINE = ("spine1", "spine2", "spine3")
LEGS, ARMS = ("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")
LIMB_CHAINS = tuple(tuple(f"{side}_{part}" for part in limb) for side in ("left", "right") for limb in (LEGS, ARMS))
RIGIFY = {
    "pelvis": "spine", "spine1": "spine.001", "spine2": "spine.002", "spine3": "spine.003", "neck": "spine.004",
    "head": "spine.006",
} | {
    f"{side}_{joint}": f"{bone}.{letter}"
    for side, letter in (("left", "L"), ("right", "R"))
    for joint, bone in {
        "hip": "thigh", "knee": "shin", "ankle": "foot", "foot": "toe", "collar": "shoulder", "shoulder": "upper_arm",
        "elbow": "forearm", "wrist": "hand", "hand": "f_middle.01",
    }.items()
}  # fmt: skip
SCHEMES: Mapping[str, Mapping[str, str]] = {"Rigify": RIGIFY} | {
    name.capitalize(): dict(zip(JOINT_NAMES, names.bones, strict=True)) for name, names in PRESETS.items()
}

RIG_WORDS = {
    "hip": ("thigh", "upleg", "upperleg", "legupper", "femur", "hip"),
    "knee": ("calf", "shin", "lowerleg", "leglower", "knee", "tibia", "leg"),
    "ankle": ("ankle", "foot"),
    "foot": ("toebase", "toe", "toes", "ball", "foot"),
    "shoulder": ("upperarm", "armupper", "uparm", "humerus", "shldr", "arm", "shoulder"),
    "collar": ("clavicle", "collar", "collarbone", "shoulder"),
    "elbow": ("forearm", "lowerarm", "armlower", "elbow", "radius"),
    "wrist": ("wrist", "hand"),
    "hand": ("middleproximal", "handmiddle", "fmiddle", "fingermiddle", "middle", "middlefinger", "hand"),
}
"""What rigs call the sided joints, the surest name first. Order of the joints matters: an upper arm may be called
"shoulder" where the collar bone is called something else, and the other way round."""
NOISE = {"bip", "def", "org", "jnt", "joint", "bone", "bind", "rig", "mixamorig", "cc", "base", "j", "b", "c", "bend",
         "sk", "skeleton", "character"}  # fmt: skip
NOT_BODY = {"twist", "roll", "ik", "pole", "target", "helper", "mch", "ctrl", "socket", "tweak", "fk", "heel"}
SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}


@dataclass(frozen=True)
class BoneMap:
    """The bones of one armature that are joints of SMPL."""

    scheme: str
    """The naming scheme, or "guessed"."""
    bones: Mapping[str, str]
    """From the joint's name to the bone's."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Joints that no bone was found for. Hands count as found: they only tell where a palm points."""
        return tuple(name for name in JOINT_NAMES if name not in self.bones and not name.endswith("hand"))


def find_bones(armature: bpy.types.Object) -> BoneMap:
    """Map the armature's bones. Raises UserError when there is no pelvis with two legs."""
    bones = armature.data.bones
    scheme, found = max(((name, _by_names(bones, names)) for name, names in SCHEMES.items()), key=lambda p: len(p[1]))
    if not _has(found, LIMB_CHAINS):
        scheme, found = "guessed", _guessed(bones)
    if not _has(found, LIMB_CHAINS[::2]):
        raise UserError(
            f"No body was recognised in {armature.name} by the names of its bones. Name them as Mixamo, Unreal, Unity, "
            "Rigify's metarig or SMPL do, such as LeftUpLeg, thigh_l, LeftUpperLeg, thigh.L or left_hip."
        )
    return BoneMap(scheme, _with_spread_spine(bones, found))


def _has(found: Mapping[str, str], limbs: Iterable[tuple[str, ...]]) -> bool:
    return "pelvis" in found and all(joint in found for limb in limbs for joint in limb)


def _by_names(bones: Iterable[bpy.types.Bone], names: Mapping[str, str]) -> dict[str, str]:
    """Exact names, but for capitals and a namespace such as "mixamorig1:"."""
    by_name = {_plain(bone.name): bone.name for bone in reversed(list(bones))}
    return {joint: by_name[_plain(name)] for joint, name in names.items() if _plain(name) in by_name}


def _plain(name: str) -> str:
    return re.split(r"[:|]", name)[-1].lower()


def _guessed(bones: Iterable[bpy.types.Bone]) -> dict[str, str]:
    """Arms and legs by their names; pelvis, spine and neck by where they are in the tree between those and the head."""
    candidates: dict[tuple[str, str], bpy.types.Bone] = {}
    for bone in bones:  # parents come before children, so of a chain the first is kept
        side, part = _side_and_part(bone.name)
        if part:
            candidates.setdefault((side, part), bone)
    found: dict[str, bpy.types.Bone] = {}
    for side in ("left", "right"):
        used = set()
        for joint, names in RIG_WORDS.items():
            name = next((name for name in names if (side, name) in candidates and name not in used), None)
            if name is not None:
                used.add(name)
                found[f"{side}_{joint}"] = candidates[side, name]
    head = candidates.get(("", "head"))
    if head is not None:
        found["head"] = head
    ends = [found[name] for name in ("left_hip", "right_hip", "head") if name in found]
    pelvis = _lowest_common_ancestor(ends) or next(
        (candidates["", name] for name in ("pelvis", "hips", "hip") if ("", name) in candidates), None
    )
    if pelvis is not None:
        found["pelvis"] = pelvis
    if pelvis is not None and head is not None:
        necks = [bone for bone in _between(pelvis, head) if "neck" in bone.name.lower()]
        if necks:
            found["neck"] = necks[0]
    return {joint: bone.name for joint, bone in found.items()}


def _side_and_part(name: str) -> tuple[str, str]:
    """("left", "upperarm") of such names as `Bip01 L UpperArm`, `lUpperArm`, `upper_arm.L.001`, `LeftUpperArm`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", " ", re.split(r"[:|]", name)[-1])
    tokens = [token for token in re.split(r"[^A-Za-z0-9]+", spaced.lower()) if token and not token.isdigit()]
    if NOT_BODY & set(tokens):
        return "", ""
    if tokens and (run_together := re.fullmatch(r"(left|right)(\w+)", tokens[0])):
        tokens = [run_together[1], run_together[2], *tokens[1:]]
    side = next((SIDES[token] for token in tokens if token in SIDES), "")
    return side, "".join(token for token in tokens if token not in SIDES and token not in NOISE)


def _with_spread_spine(bones: Mapping[str, bpy.types.Bone], found: Mapping[str, str]) -> dict[str, str]:
    """SMPL's three joints of the spine on however many bones there are: the lowest, the middle and the uppermost."""
    top = next((bones[found[joint]] for joint in ("neck", "head") if joint in found), None)
    spine = [bone.name for bone in _between(bones[found["pelvis"]], top)] if top else []
    if not spine:
        return dict(found)
    spread = {"spine1": spine[0], "spine2": spine[len(spine) // 2], "spine3": spine[-1]}
    joints = SPINE if len(spine) > 2 else SPINE[::2] if len(spine) == 2 else SPINE[-1:]
    return {joint: name for joint, name in found.items() if joint not in SPINE} | {
        joint: spread[joint] for joint in joints
    }


def _between(above: bpy.types.Bone, below: bpy.types.Bone) -> list[bpy.types.Bone]:
    """The bones strictly between two of one chain, from above; none when they are not of one chain."""
    chain = list(below.parent_recursive)
    return chain[: chain.index(above)][::-1] if above in chain else []


def _lowest_common_ancestor(bones: list[bpy.types.Bone]) -> bpy.types.Bone | None:
    if len(bones) < 2:
        return None
    chains = [list(bone.parent_recursive) for bone in bones]
    return next((bone for bone in chains[0] if all(bone in chain for chain in chains)), None)
