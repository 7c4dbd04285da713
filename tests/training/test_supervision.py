"""What the priors learn from: lengths or the paper's squares, and parameters alone at first."""

import argparse
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from body_from_image.training.priors import pose_prior, shape_prior  # noqa: E402
from body_from_image.training.priors.experiments import table_1  # noqa: E402
from body_from_image.training.priors.supervision import point_errors  # noqa: E402

POSE = pose_prior.Config(batch=4, width=16, vertices=0)
SHAPE = shape_prior.Config(batch=4)


def test_squares_are_the_papers_equation_and_lengths_are_lengths():
    rng = np.random.default_rng(0)
    a, b = (torch.from_numpy(rng.normal(size=(3, 7, 3))) for _ in range(2))
    lengths = np.linalg.norm((a - b).numpy(), axis=-1)
    assert point_errors(a, b, "squared").numpy() == pytest.approx((lengths**2).sum(1))
    assert point_errors(a, b, "lengths").numpy() == pytest.approx(lengths.mean(1))


@pytest.mark.parametrize("task, config", [(pose_prior.PoseTask, POSE), (shape_prior.ShapeTask, SHAPE)])
def test_points_count_after_the_parameters_have(packs, task, config):
    """With all weight on points, the first losses are those of a run without points, the next are not."""
    weights = {"vertex_weight": 0.0} | ({"joint_weight": 0.0} if task is pose_prior.PoseTask else {})
    later = task(replace(config, parameters_first=2, point_loss="squared"))
    never, at_once = task(replace(config, **weights)), task(replace(config, point_loss="squared"))
    for one in (later, never, at_once):
        one.network.eval()
    batch = later.make_batch(np.random.default_rng(0))
    values = [[one.loss(batch)[0].item() for _ in range(3)] for one in (later, never, at_once)]
    assert values[0][:2] == pytest.approx(values[1][:2], rel=1e-4)
    assert values[0][2] == pytest.approx(values[2][2], rel=1e-4)
    assert values[0][2] > 1.01 * values[1][2]
    resumed = task(replace(config, parameters_first=2, point_loss="squared"))
    resumed.extra.load_state_dict(later.extra.state_dict())
    resumed.network.load_state_dict(later.network.state_dict())
    resumed.network.eval()
    assert resumed.loss(batch)[0].item() == pytest.approx(values[0][2], rel=1e-4), "a checkpoint keeps the count"


def test_the_shape_priors_squares_are_those_of_all_vertices(packs):
    task = shape_prior.ShapeTask(replace(SHAPE, scale_corrected=False, point_loss="squared", vertex_weight=1.0))
    task.network.eval()
    batch = task.make_batch(np.random.default_rng(0))
    with torch.no_grad():
        found = task.network(batch["silhouettes"]).numpy()
    moved = task.model.rest_vertices(found) - task.model.rest_vertices(batch["betas"].numpy())
    expected = ((found - batch["betas"].numpy()) ** 2).mean() + (moved**2).sum((1, 2)).mean()
    assert task.loss(batch)[0].item() == pytest.approx(expected, rel=0.02)


def test_table_1_as_in_the_paper():
    options = argparse.Namespace(iterations=100, batch=8, shape_iterations=50, shape_batch=8, as_in_the_paper=True)
    pose, shape = table_1.configs(options)
    assert (pose.point_loss, pose.vertices, pose.vertex_weight, pose.joint_weight) == ("squared", 0, 1.0, 1.0)
    assert (pose.parameters_first, shape.parameters_first, shape.vertex_weight) == (40, 20, 1.0)
    options.as_in_the_paper = False
    assert [one.point_loss for one in table_1.configs(options)] == ["lengths", "lengths"]
