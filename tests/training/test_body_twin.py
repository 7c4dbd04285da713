"""The torch twin of the body model: the same numbers as numpy and as `smplx`, and true gradients."""

import dataclasses

import numpy as np
import pytest
from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix

torch = pytest.importorskip("torch", reason="the twin is made of torch; install the extra 'train'")

from body_from_image.training.body.body_model import TorchBodyModel  # noqa: E402


@pytest.fixture(scope="module", params=["plain", "with posedirs"])
def body(request):
    model = BodyModel.load()
    if request.param == "plain":
        return model
    posedirs = np.random.default_rng(3).normal(0, 0.002, (len(model.v_template), 3, 207)).astype(np.float32)
    return dataclasses.replace(model, posedirs=posedirs)


def random_input(count, seed=0):
    rng = np.random.default_rng(seed)
    betas = rng.normal(size=(count, 10)).astype(np.float32)
    rotations = axis_angle_to_matrix(rng.normal(0, 0.6, (count, 24, 3)).astype(np.float32))
    return betas, rotations, rng.normal(size=(count, 3)).astype(np.float32)


def test_torch_and_numpy_agree(body):
    inputs = random_input(5)
    expected = body.pose(*inputs)
    posed = TorchBodyModel(body)(*map(torch.from_numpy, inputs))
    for ours, theirs in zip(posed, (expected.vertices, expected.joints, expected.joint_rotations), strict=True):
        assert np.abs(ours.numpy() - theirs).max() < 1e-5


def test_torch_in_double_agrees_with_the_smplx_package(body):
    oracle = pytest.importorskip("smplx.lbs", reason="the smplx package is the oracle; install the extra 'oracle'")
    betas, rotations, transl = (torch.from_numpy(array).double() for array in random_input(3, seed=1))
    posed = TorchBodyModel(body).double()(betas, rotations, transl)
    posedirs = np.zeros((len(body.v_template), 3, 207)) if body.posedirs is None else body.posedirs
    arrays = (body.v_template, body.shapedirs, posedirs.reshape(-1, 207).T, body.J_regressor)
    vertices, joints = oracle.lbs(
        betas,
        rotations.flatten(2),
        *(torch.from_numpy(np.array(array)).double() for array in arrays),
        torch.from_numpy(body.parents),
        torch.from_numpy(body.lbs_weights).double(),
        pose2rot=False,
    )
    assert (posed.vertices - vertices - transl[:, None]).abs().max() < 1e-6
    assert (posed.joints - joints - transl[:, None]).abs().max() < 1e-6


def test_subsets_and_shortcuts_equal_the_whole(body):
    twin = TorchBodyModel(body)
    betas, rotations, transl = map(torch.from_numpy, random_input(4))
    whole = twin(betas, rotations, transl)
    subset = torch.tensor([0, 17, 6889, body.head_top])
    assert torch.allclose(twin(betas, rotations, transl, subset).vertices, whole.vertices[:, subset], atol=1e-6)
    joints, world = twin.joints(betas, rotations, transl)
    assert torch.equal(joints, whole.joints) and torch.equal(world, whole.joint_rotations)
    assert torch.allclose(twin.joints(betas[:1], rotations)[0], twin.joints(betas[:1].expand(4, -1), rotations)[0])
    assert torch.allclose(twin.rest_joints(betas), torch.from_numpy(body.rest_joints(betas.numpy())), atol=1e-6)


def test_gradients_equal_finite_differences_in_double(body):
    twin = TorchBodyModel(body).double()
    subset = torch.tensor([100, 4000, body.head_top])
    inputs = [torch.from_numpy(array).double().requires_grad_() for array in random_input(2, seed=2)]

    def posed(betas, rotations, transl):
        bodies = twin(betas, rotations, transl, subset)
        return bodies.vertices, bodies.joints, bodies.joint_rotations

    assert torch.autograd.gradcheck(posed, inputs, eps=1e-6, atol=1e-7, fast_mode=True)


def test_it_is_a_module_that_saves_nothing(body):
    twin = TorchBodyModel(body)
    assert twin.state_dict() == {} and list(twin.parameters()) == []
