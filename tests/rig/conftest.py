"""Shared by the rig's tests: the bundled body, random estimates, and what Blender evaluates for a character.

They run in whatever Blender the interpreter has (`pip install bpy==4.2.*` … ), and are skipped without one.
"""

import atexit
import importlib.util
import os
import sys

import numpy as np
import pytest
from body_from_image.inference.body.body_estimate import BodyEstimate, camera_from_upright, rotations_of
from body_from_image.inference.body.body_model import BodyModel

HAS_BLENDER = importlib.util.find_spec("bpy") is not None
if not HAS_BLENDER:
    collect_ignore_glob = ["test_*.py"]


def pytest_sessionfinish(session, exitstatus):
    """Blender 4.2's module crashes when Python takes it down after a glTF export: a pass would count as a failure."""
    bpy = sys.modules.get("bpy")
    if bpy is not None and bpy.app.version < (4, 5):
        atexit.register(_leave, int(exitstatus))


def _leave(status):
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


@pytest.fixture(scope="session")
def model():
    return BodyModel.load()


@pytest.fixture
def empty_scene():
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy.context.scene


@pytest.fixture(scope="session")
def make_estimate(model):
    """A function that makes up a consistent estimate: a random body moving between random poses in a made-up photo."""

    def make(
        frames=1, seed=0, image_size=(640, 480), focal=700.0, center=None, poses=None, betas=None, frame_rate=30.0
    ):
        rng = np.random.default_rng(seed)
        if poses is None:
            key_poses = rng.normal(0, 0.5, (2, 72))
            poses = key_poses[0] + np.linspace(0, 1, frames)[:, None] * (key_poses[1] - key_poses[0])
        betas = rng.normal(0, 1, 10) if betas is None else betas
        trans = np.array([0.1, 0.2, -4.0]) + np.cumsum(rng.normal(0, 0.05, (frames, 3)), axis=0)
        center = np.array(center if center is not None else [image_size[0] * 0.52, image_size[1] * 0.47])
        joints = camera_from_upright(model.pose(betas[None], rotations_of(poses), trans).joints)
        return BodyEstimate(
            poses=poses.astype(np.float32),
            betas=betas.astype(np.float32),
            trans=trans.astype(np.float32),
            keypoints_2d=np.zeros((frames, 16, 3), np.float32),
            joints_3d=joints,
            joints_2d=joints[..., :2] / joints[..., 2:] * focal + center,
            focal=focal,
            camera_center=center,
            image_size=image_size,
            bbox=np.zeros((frames, 4), np.float32),
            score=np.ones(frames, np.float32),
            body_model=model.hash,
            faces=model.faces,
            mocap_framerate=frame_rate if frames > 1 else 0.0,
        )

    return make


@pytest.fixture(scope="session")
def posed_by_engine(model):
    """A function (estimate, betas) → what the engine says: joints (F, 24, 3), vertices (F, V, 3), SMPL's frame."""

    def pose(estimate, betas=None):
        betas = estimate.betas if betas is None else betas
        return model.pose(np.asarray(betas)[None], rotations_of(estimate.poses), estimate.trans)

    return pose


@pytest.fixture(scope="session")
def posed_by_blender():
    """A function (character, frame) → what Blender evaluates in the world: joints (24, 3), vertices (V, 3), z up."""

    def pose(character, frame):
        import bpy
        from body_from_image.rig.armature import joint_bones

        bpy.context.scene.frame_set(frame)
        depsgraph = bpy.context.evaluated_depsgraph_get()
        armature, body = character.armature.evaluated_get(depsgraph), character.mesh.evaluated_get(depsgraph)
        joints = [armature.matrix_world @ armature.pose.bones[name].head for name in joint_bones(character.armature)]
        vertices = np.empty(len(body.data.vertices) * 3, np.float32)
        body.data.vertices.foreach_get("co", vertices)
        world = np.array(body.matrix_world)
        return np.array(joints), vertices.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]

    return pose
