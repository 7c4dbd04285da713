"""What was written, read back in fresh processes: by Blender, and by a game engine that is not Blender."""

import importlib.util
import json
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from body_from_image.rig.axes import points_to_smpl, rotations_to_blender
from body_from_image.rig.bone_names import PRESETS
from body_from_image.rig.character import build_character
from body_from_image.rig.export import export
from mathutils import Matrix
from mathutils.kdtree import KDTree

METRES = 1e-4
"""The promise is a millimetre; what is measured is a few micrometres."""
METRES_BVH = 5e-4
"""Blender's BVH importer, which builds its bones from averages, is off by a tenth of a millimetre by itself."""
FRAME_RATE = 30
CLIP = ["clip.fbx", "clip.glb", "clip.bvh", "clip.blend", "clip.obj"]
PICTURE = ["picture.fbx", "picture.glb"]
RENAMED = ["unreal.fbx", "mixamo.glb", "mixamo.bvh", "unreal.blend"]
CORRECTED = ["corrected.fbx", "corrected.bvh"]
WITH_BLENDER = CLIP + PICTURE + RENAMED + CORRECTED
ENGINES = ["clip.fbx", "clip.glb", "picture.fbx", "picture.glb", "unreal.fbx", "mixamo.glb", "corrected.fbx"]


@pytest.fixture(scope="module")
def written(tmp_path_factory, model, make_estimate, posed_by_engine):
    """All files in one folder, and what the engine says about each (by the first part of its name)."""
    folder = tmp_path_factory.mktemp("exports")
    estimates = {"clip": make_estimate(frames=5, seed=1), "picture": make_estimate(seed=2)}
    estimates["corrected"] = estimates["clip"]
    for scheme in ("unreal", "mixamo"):
        estimates[scheme] = estimates["clip"]
    for file in WITH_BLENDER:
        kind, format = file.split(".")
        bpy.ops.wm.read_factory_settings(use_empty=True)
        character = build_character(estimates[kind], model, photo=None, name=f"Ada {kind}")
        if kind == "corrected":
            bend_left_elbow(character)
        export(character, folder / file, format, kind if kind in PRESETS else "smpl")
    engine = {kind: posed_by_engine(estimate) for kind, estimate in estimates.items()}
    engine["corrected"] = posed_by_engine(with_bent_elbow(estimates["clip"]))
    rest = {kind: model.rest_joints(estimate.betas[None])[0] for kind, estimate in estimates.items()}
    return SimpleNamespace(folder=folder, engine=engine, rest=rest)


BEND = axis_angle_to_matrix(np.array([0.2, -0.7, 0.4]))


def bend_left_elbow(character):
    """As a person corrects a pose: not by keys, but by a constraint on top of them."""
    bone = character.armature.pose.bones["left_elbow"]
    handle = bpy.data.objects.new("handle", None)
    bpy.context.scene.collection.objects.link(handle)
    axes = bone.bone.matrix_local.to_3x3()
    bend = Matrix(rotations_to_blender(BEND).tolist())
    handle.matrix_world = (axes.transposed() @ bend @ axes).to_4x4()
    constraint = bone.constraints.new("COPY_ROTATION")
    constraint.target = handle
    constraint.owner_space = "LOCAL"
    constraint.mix_mode = "AFTER"


def with_bent_elbow(estimate):
    poses = estimate.poses.copy().reshape(len(estimate.poses), 24, 3)
    poses[:, 18] = matrix_to_axis_angle(axis_angle_to_matrix(poses[:, 18]) @ BEND)
    return replace(estimate, poses=poses.reshape(len(poses), 72))


def read_by(script, arguments, files, folder):
    """Run a reader in a process of its own over all `files`: what it saw, by file."""
    outs = [folder / f"{script.stem}-{file}.npz" for file in files]
    pairs = [str(path) for file, out in zip(files, outs, strict=True) for path in (folder / file, out)]
    command = [sys.executable, str(script), *arguments, *pairs]
    done = subprocess.run(command, timeout=120, capture_output=True, text=True)
    # Blender 4.2's module may crash after its work, while Python takes it down; what it wrote by then counts.
    assert all(out.exists() for out in outs), done.stdout[-2000:] + done.stderr[-2000:]
    return {file: np.load(out) for file, out in zip(files, outs, strict=True)}


@pytest.fixture(scope="module")
def by_blender(written):
    script = Path(__file__).with_name("read_with_blender.py")
    return read_by(script, [str(FRAME_RATE)], WITH_BLENDER, written.folder)


@pytest.fixture(scope="module")
def by_panda3d(written):
    if importlib.util.find_spec("panda3d") is None:
        pytest.skip("panda3d is not installed: pip install panda3d")
    return read_by(Path(__file__).with_name("read_with_panda3d.py"), [], ENGINES, written.folder)


def names_in(file):
    return PRESETS.get(file.split(".")[0], PRESETS["smpl"]).bones


def in_smpl_order(seen, key, file):
    order = [list(seen["bones"]).index(name.replace(" ", "_")) for name in names_in(file)]
    return seen[key][..., order, :]


def expect_frames(seen, engine_frames):
    """A single picture becomes a clip of two equal frames: a clip without length is no clip to some programs."""
    return engine_frames if len(engine_frames) > 1 else np.repeat(engine_frames, len(seen), axis=0)


def assert_same_skin(vertices, engine):
    """Files may split vertices along UV seams, so they are matched in the first frame and must stay matched."""
    engine = expect_frames(vertices, engine)
    assert len(vertices) == len(engine)
    tree = KDTree(engine.shape[1])
    for index, vertex in enumerate(engine[0]):
        tree.insert(vertex, index)
    tree.balance()
    match = np.array([tree.find(vertex)[1] for vertex in vertices[0]])
    assert set(match) == set(range(engine.shape[1])), "part of the skin is missing"
    np.testing.assert_allclose(vertices, engine[:, match], atol=1e-3)
    assert np.abs(vertices - engine[:, match]).mean() < METRES


@pytest.mark.parametrize("file", [file for file in WITH_BLENDER if not file.endswith("obj")])
def test_blender_reads_the_joints_back(by_blender, written, file):
    seen = by_blender[file]
    joints = points_to_smpl(in_smpl_order(seen, "joints", file))
    expected = expect_frames(joints, written.engine[file.split(".")[0]].joints)
    np.testing.assert_allclose(joints, expected, atol=METRES_BVH if file.endswith("bvh") else METRES)


@pytest.mark.parametrize("file", [file for file in WITH_BLENDER if not file.endswith("bvh")])
def test_blender_reads_the_skin_back(by_blender, written, file):
    engine = written.engine[file.split(".")[0]].vertices
    frames = engine[:1] if file.endswith("obj") else engine
    assert_same_skin(points_to_smpl(by_blender[file]["vertices"]), frames)


@pytest.mark.parametrize("file", [file for file in WITH_BLENDER if not file.endswith("obj")])
def test_there_is_one_clip_24_bones_and_scale_one(by_blender, file):
    seen = by_blender[file]
    assert sorted(seen["bones"]) == sorted(names_in(file))
    np.testing.assert_allclose(seen["scale"], 1, atol=1e-6)
    if not file.endswith("blend"):
        assert seen["clips"] == 1


@pytest.mark.parametrize("file", [file for file in WITH_BLENDER if file.endswith(("fbx", "glb"))])
def test_the_bind_pose_is_the_rest_pose(by_blender, written, file):
    rest = points_to_smpl(in_smpl_order(by_blender[file], "rest", file))
    np.testing.assert_allclose(rest, written.rest[file.split(".")[0]], atol=METRES)


@pytest.mark.parametrize("file", ENGINES)
def test_a_game_engine_reads_the_same_joints(by_panda3d, written, file):
    joints = in_smpl_order(by_panda3d[file], "joints", file)
    np.testing.assert_allclose(joints, expect_frames(joints, written.engine[file.split(".")[0]].joints), atol=METRES)


@pytest.mark.parametrize("file", ENGINES)
def test_a_game_engine_reads_the_same_skin(by_panda3d, written, file):
    assert_same_skin(by_panda3d[file]["vertices"], written.engine[file.split(".")[0]].vertices)


@pytest.mark.parametrize("file", ENGINES)
def test_a_game_engine_finds_one_clip_and_a_resting_skeleton(by_panda3d, written, file):
    seen = by_panda3d[file]
    assert seen["clips"] == 1
    assert sorted(seen["bones"]) == sorted(names_in(file))
    rest = in_smpl_order(seen, "rest", file)
    np.testing.assert_allclose(rest, written.rest[file.split(".")[0]], atol=METRES)


def glb_header(path):
    data = path.read_bytes()
    (length,) = struct.unpack_from("<I", data, 12)
    return json.loads(data[20 : 20 + length])


@pytest.mark.parametrize("file", ["clip.glb", "picture.glb", "mixamo.glb"])
def test_glb_says_what_engines_look_at(written, file):
    content = glb_header(written.folder / file)
    assert len(content["animations"]) == len(content["skins"]) == len(content["meshes"]) == 1
    assert len(content["skins"][0]["joints"]) == 24
    assert all("targets" not in primitive for primitive in content["meshes"][0]["primitives"])
    assert all(np.allclose(node.get("scale", 1), 1) for node in content["nodes"])
    roots = [content["nodes"][index] for index in content["scenes"][0]["nodes"]]
    assert [node["name"] for node in roots] == [f"Ada {file.split('.')[0]}"]
    assert all(np.allclose(node.get("rotation", [0, 0, 0, 1]), [0, 0, 0, 1], atol=1e-6) for node in roots)


def test_unreal_finds_its_root_above_the_pelvis(by_blender):
    assert "root" in by_blender["unreal.fbx"]["objects"]


def test_the_glb_clip_begins_at_zero_and_lasts_its_frames(written):
    content = glb_header(written.folder / "clip.glb")
    times = [content["accessors"][sampler["input"]] for sampler in content["animations"][0]["samplers"]]
    assert {time["min"][0] for time in times} == {0}
    assert max(time["max"][0] for time in times) == pytest.approx(4 / FRAME_RATE)


def test_fbx_counts_in_metres(written):
    """UnitScaleFactor is in centimetres; with 100, an engine takes the file's units for metres.

    In a binary FBX a property is its name, its type's names, its flag, and the value: "D" and a double.
    """
    data = (written.folder / "clip.fbx").read_bytes()
    value = data.index(b"D", data.index(b"UnitScaleFactor") + len(b"UnitScaleFactor") + len("S....doubleS....Number"))
    assert struct.unpack_from("<d", data, value + 1) == (100.0,)


def test_obj_has_the_models_triangles_and_uvs(written, model):
    lines = (written.folder / "clip.obj").read_text().splitlines()
    faces = [line.split()[1:] for line in lines if line.startswith("f ")]
    corners = np.array([[[int(part) for part in corner.split("/")] for corner in face] for face in faces]) - 1
    np.testing.assert_array_equal(corners[..., 0], model.faces)
    uvs = np.array([[float(part) for part in line.split()[1:]] for line in lines if line.startswith("vt ")])
    np.testing.assert_allclose(uvs[corners[..., 1]], model.vt[model.ft], atol=1e-6)


def test_bvh_names_its_joints_and_frames(written):
    text = (written.folder / "clip.bvh").read_text()
    assert text.startswith("HIERARCHY\nROOT pelvis\n{\n\tOFFSET 0.000000 0.000000 0.000000\n")
    assert text.count("JOINT ") == 23
    assert "Frames: 5\nFrame Time: 0.03333333\n" in text
