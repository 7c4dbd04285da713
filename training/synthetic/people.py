"""A person made of everything: shape, pose, skin, outfit, and a place before the camera."""

from dataclasses import dataclass

import numpy as np

from ...inference.body.body_estimate import CAMERA_FROM_SMPL
from ...inference.body.body_model import BodyModel
from ...inference.geometry.joints import keypoints_from_joints
from ..data.packs import pack
from ..people.instances import sample_views
from ..people.poses import PoseSampler, load_poses
from ..people.postures import take_postures
from ..people.shapes import Shapes
from .garments import load_assets
from .outfits import Cloth, Outfit, Skirt, Wardrobe, Worn
from .parts import Figure, Looks, Part
from .shells import Tailor
from .skinning import Skinned, bone_transforms, skin, vertex_normals
from .skirts import FACES, UVS, sew
from .textures import read_texture, woven_tiles

POSES = 30000
"""Poses drawn when loading: one by one, they would take a tenth of a picture's time."""
MORE_POSTURES = 0.2
"""Share of people who sit, lie, crouch or stand on their hands beyond those that the priors' sampler draws: sports
photographs are full of them."""
UNDERNEATH = 0.03
"""Metres inside a hem from which the skin is not drawn."""
EYE = 0.011
"""Metres about an eye's landmark that are painted as one: the open body's eyes read as closed lids."""
TILES = 32


@dataclass(frozen=True, eq=False)
class Resting:
    """A person in T-pose, and how its bones have moved: what every layer is posed with."""

    betas: np.ndarray
    vertices: np.ndarray
    joints: np.ndarray
    transforms: np.ndarray
    """(24, 3, 4) from T-pose to the camera's frame."""


class People:
    """Draws figures. Loads the packs mocap and render_assets; raises PackMissing."""

    def __init__(self, split: str = "train"):
        self.model = BodyModel.load()
        self.poses = _bank_of_poses(split)
        self.shapes = Shapes(self.model)
        self.tailor = Tailor(self.model)
        self.body = Skinned.of(self.model.v_template, self.model.shapedirs, self.model.lbs_weights)
        self.uvs = np.ascontiguousarray(self.model.vt[self.model.ft], np.float32)
        self.skins = {}
        for path in sorted((pack("render_assets") / "skins").glob("*_diffuse*.jpg")):
            self.skins[path.name] = read_texture(path)
            _paint_eyes(self.skins[path.name], self.model)
        self.wardrobe = Wardrobe(self.tailor, load_assets(self.model), woven_tiles(TILES, np.random.default_rng(0)))

    def sample(self, rng: np.random.Generator, dressed: bool = True) -> Figure:
        """A person whose body's middle is at the origin of the camera's frame; it must still be moved before it."""
        rotations = self.poses[rng.integers(len(self.poses))][None].copy()
        viewed = sample_views(rotations[:, 0], rng)
        up = viewed[0] @ rotations[0, 0].T @ np.array([0.0, 1.0, 0.0])
        rotations[:, 0] = viewed
        betas = self.shapes.sample(1, rng)
        rest_joints = self.model.rest_joints(betas)
        joints, world = self.model.skeleton(betas, rotations)
        betas = betas[0]
        turn = CAMERA_FROM_SMPL.astype(np.float32)
        joints, world = joints[0] @ turn.T, turn @ world[0]
        transforms = bone_transforms(rest_joints[0], joints, world)
        resting = Resting(betas, self.body.rest(betas), rest_joints[0], transforms)
        vertices = self.body.posed(resting.vertices, transforms)
        keypoints = np.stack(keypoints_from_joints(joints, vertices[self.model.keypoint_vertices]))
        woman = bool(rng.random() < 1 / (1 + np.exp(-3 * betas[2])))
        outfit = self.wardrobe.sample(woman, rng) if dressed else Outfit([], [], [])
        parts = [self._skin(vertices, outfit, woman, rng), *self._layers(outfit, resting)]
        middle = (vertices.min(0) + vertices.max(0)) / 2
        return Figure(parts, keypoints, turn @ up, rotations[0], betas).moved(-middle)

    def _skin(self, vertices: np.ndarray, outfit: Outfit, woman: bool, rng: np.random.Generator) -> Part:
        names = [name for name in self.skins if ("_female" in name) == woman]
        texture = self.skins[names[rng.integers(len(names))]]
        colour = np.diag(rng.uniform(0.7, 1.35) * rng.uniform(0.93, 1.07, 3)).astype(np.float32)
        cut = np.ones(len(vertices), np.float32)
        for worn in outfit.worn:
            cut[worn.asset.covered] = -1e-6
        for cloth in outfit.cloths:
            cut[cloth.cut > UNDERNEATH] = -1e-6
        looks = Looks(texture, colour, rng.uniform(0.0, 0.12))
        return Part(vertices, vertex_normals(vertices, self.model.faces), self.model.faces, self.uvs, cut, looks)

    def _layers(self, outfit: Outfit, resting: Resting) -> list[Part]:
        parts = [part for worn in outfit.worn for part in _wear(worn, resting)]
        if outfit.cloths:
            smooth = self.tailor.smooth.rest(resting.betas)
            parts += [self._drape(cloth, smooth, resting) for cloth in outfit.cloths]
        return parts + [_hang(skirt, resting) for skirt in outfit.skirts]

    def _drape(self, cloth: Cloth, smooth: np.ndarray, resting: Resting) -> Part:
        lifted = self.tailor.lifted(smooth, cloth.offset)
        vertices = self.tailor.smooth.posed(lifted, resting.transforms)
        normals = vertex_normals(vertices, self.model.faces)
        uvs = self.tailor.flat_uvs * np.float32(cloth.repeat)
        looks = Looks(cloth.tile, cloth.dyes, cloth.shine)
        return Part(vertices, normals, self.model.faces, uvs, cloth.cut, looks, two_sided=True)


def _bank_of_poses(split: str) -> np.ndarray:
    """Local rotations (POSES, 24, 3, 3) float32, the root's in the world."""
    rng = np.random.default_rng(0)
    return take_postures(PoseSampler(load_poses(split))(POSES, rng), MORE_POSTURES, rng).astype(np.float32)


def _wear(worn: Worn, resting: Resting) -> list[Part]:
    asset = worn.asset
    vertices = asset.surface.posed(asset.surface.rest(resting.betas), resting.transforms)
    normals, drawn = vertex_normals(vertices, asset.faces), np.ones(len(vertices), np.float32)
    parts = []
    for chosen, colour in ((~asset.lower, worn.upper), (asset.lower, worn.lower)):
        if chosen.any():
            looks = Looks(worn.texture, colour, 0.05, holed=asset.kind == "hair")
            parts.append(Part(vertices, normals, asset.faces[chosen], asset.uvs[chosen], drawn, looks, two_sided=True))
    return parts


def _hang(skirt: Skirt, resting: Resting) -> Part:
    tube = sew(resting.vertices, resting.joints, skirt.waist, skirt.length, skirt.flare, skirt.folds)
    vertices = skin(tube.template, tube.joint, tube.weight, resting.transforms)
    looks = Looks(skirt.tile, skirt.dyes)
    uvs = UVS * np.float32(skirt.repeat)
    return Part(vertices, vertex_normals(vertices, FACES), FACES, uvs, np.ones(len(vertices), np.float32), looks, True)


def _paint_eyes(texture: np.ndarray, model: BodyModel) -> None:
    """White and iris on the skin texture (S, S, 4), in place, about the eyes' landmarks."""
    corners, coordinates = model.v_template[model.faces], model.vt[model.ft]
    for name in ("leye", "reye"):
        center = model.v_template[model.landmarks[name]]
        for triangle in np.flatnonzero(np.linalg.norm(corners.mean(1) - center, axis=1) < 2 * EYE):
            rows, columns, points = _texels(coordinates[triangle], corners[triangle], len(texture))
            across, up = (points[:, :2] - center[:2]).T
            white, iris = (across / EYE) ** 2 + (up / (0.5 * EYE)) ** 2 < 1, np.hypot(across, up) < 0.5 * EYE
            texture[rows[white], columns[white], :3] = (205, 200, 195)
            texture[rows[white & iris], columns[white & iris], :3] = (45, 32, 25)


def _texels(uv: np.ndarray, corners: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and places in space (N, 3) of the texels of one triangle, uv (3, 2) and corners (3, 3)."""
    spots = np.stack([uv[:, 0] * size, (1 - uv[:, 1]) * size], 1)
    low, high = np.floor(spots.min(0)).astype(int), np.ceil(spots.max(0)).astype(int)
    columns, rows = (grid.ravel() for grid in np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1])))
    system = np.vstack([spots.T, np.ones(3)])
    weights = np.linalg.solve(system, np.stack([columns + 0.5, rows + 0.5, np.ones(len(rows))]))
    inside = (weights > -0.2).all(0)
    return rows[inside] % size, columns[inside] % size, weights[:, inside].T @ corners
