"""Table 1: what a row may see, how it answers, and that all rows see the same people."""

import argparse

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from body_from_image.inference.body.body_model import BodyModel  # noqa: E402
from body_from_image.inference.geometry.camera import Camera  # noqa: E402
from body_from_image.inference.geometry.joints import MPII_COUNT  # noqa: E402
from body_from_image.inference.networks.pose_features import FEATURE_COUNT, pose_features  # noqa: E402
from body_from_image.training.people import instances  # noqa: E402
from body_from_image.training.priors.experiments import off_axis, pose_inputs, row_task, several_answers, table_1  # noqa: E402
from body_from_image.training.priors.rotations import six_d_to_matrix  # noqa: E402

MODEL = BodyModel.load()
CONFIG = {"iterations": 2, "batch": 6, "width": 16, "vertices": 20}


def made(count: int) -> instances.Instances:
    return instances.People(MODEL, "train").draw(count, np.random.default_rng(0))


def sure(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points, np.ones((*points.shape[:2], 1))], -1)


def test_people_anywhere_in_the_picture_are_the_same_people_before_a_turned_camera(packs):
    """Against the body itself, moved into the turned camera's frame and projected by OpenCV."""
    cv2 = pytest.importorskip("cv2")
    people = made(40)
    points, rotations = row_task.off_axis(people, np.random.default_rng(0))
    flip = np.array([1.0, -1.0, -1.0])
    turn = (rotations[:, 0] @ people.rotations[:, 0].transpose(0, 2, 1)) * flip[:, None] * flip
    camera = np.diag([instances.VIEW.focal, instances.VIEW.focal, 1.0])
    for person, joints in enumerate(people.joints * flip):
        seen, _ = cv2.projectPoints(joints.astype(float) @ turn[person].T, np.zeros(3), np.zeros(3), camera, None)
        assert np.abs(seen[7, 0] - points[person, 5]).max() < 0.5  # the left ankle


def test_people_are_everywhere_and_whole_in_the_picture(packs):
    points, turn = off_axis.anywhere_in_picture(instances.true_keypoints(made(600)), np.random.default_rng(0))
    away = np.rad2deg(np.arccos(turn[:, 2, 2]))
    assert away.max() > 35 and (away > 20).mean() > 0.25 and (away < 10).mean() > 0.05
    moved = away > 1
    assert np.abs(points[moved] / instances.VIEW.focal).max() < 1.3


def test_the_virtual_camera_without_the_roll_is_ours_where_the_trunk_is_upright():
    rng = np.random.default_rng(0)
    camera = Camera(800.0, np.array([400.0, 300.0]), (800, 600))
    keypoints = sure(rng.uniform(200, 500, (5, 25, 2)))
    features, turn = pose_inputs.virtual_camera(keypoints, camera)
    rolled, with_roll = pose_features(keypoints, camera)
    assert np.array_equal(features[:, 75], rolled[:, 75]) and not features[:, 76:].any()
    # The smallest turn to the person has no part about the optical axis.
    assert np.abs(turn[:, 0, 1] - turn[:, 1, 0]).max() < 1e-6
    # Turned by the roll that lies between the two answers, the places are the same.
    roll = with_roll @ turn.transpose(0, 2, 1)
    places = (features[:, :75].reshape(5, 25, 3)[..., :2] * [1, -1]) @ roll[:, :2, :2].transpose(0, 2, 1) * [1, -1]
    assert np.abs(places - rolled[:, :75].reshape(5, 25, 3)[..., :2]).max() < 1e-5


def test_crop_coordinates_do_not_show_place_or_size_and_the_box_does():
    rng = np.random.default_rng(0)
    camera = Camera(800.0, np.array([400.0, 300.0]), (800, 600))
    keypoints = sure(rng.uniform(100, 300, (1, 25, 2)))
    keypoints[0, 20, 2] = 0
    moved = keypoints.copy()
    moved[..., :2] = moved[..., :2] * 1.5 + [80, -40]
    for see, same in ((pose_inputs.crop_coordinates, True), (pose_inputs.crop_and_box, False)):
        (first, turn), (second, _) = see(keypoints, camera), see(moved, camera)
        assert np.abs(first[:, :75] - second[:, :75]).max() < 1e-5
        assert np.array_equal(first[:, 75:], second[:, 75:]) == same
        assert np.abs(first[0, :75]).max() == 1 and not first[0, 60:63].any() and np.array_equal(turn[0], np.eye(3))
    low, high = keypoints[0, keypoints[0, :, 2] > 0, :2].min(0), keypoints[0, keypoints[0, :, 2] > 0, :2].max(0)
    middle = ((low + high) / 2 - [400, 300]) / 800 * [1, -1]
    box = pose_inputs.crop_and_box(keypoints, camera)[0][0, 75:]
    assert box == pytest.approx([*middle, (high - low).max() / 800], abs=1e-6)


@pytest.mark.parametrize("inputs", pose_inputs.INPUTS)
def test_an_answer_is_turned_back_into_the_camera_that_saw_the_keypoints(packs, inputs):
    """A network that answers with what it should has no error."""
    people = made(6)
    points, rotations = row_task.off_axis(people, np.random.default_rng(0))
    task = row_task.RowTask(row_task.Config(inputs=inputs, **CONFIG))
    batch = row_task.as_seen(sure(points), rotations, people.betas, pose_inputs.INPUTS[inputs])

    class Knowing(torch.nn.Module):
        to_matrix = staticmethod(six_d_to_matrix)

        def forward(self, features):
            assert torch.equal(features, batch["features"])
            return batch["rotations"][..., :2].transpose(2, 3).flatten(2), None

    task.network = Knowing()
    found, _ = task.lift(sure(points))
    assert found.shape == (6, 1, 24, 3, 3) and np.abs(found[:, 0] - rotations).max() < 1e-5


def test_a_row_sees_the_keypoints_that_it_should(packs):
    tasks = {
        name: row_task.RowTask(row_task.Config(extras=name, **CONFIG)) for name in ("sometimes", "always", "never")
    }
    batch = tasks["always"].make_batch(np.random.default_rng(0))
    seen = {}
    for name, task in tasks.items():
        task.network.register_forward_pre_hook(lambda _, given, name=name: seen.update({name: given[0]}))
        task.loss(batch)
    confidence = {name: features[:, :75].unflatten(1, (25, 3))[:, MPII_COUNT:, 2] for name, features in seen.items()}
    assert confidence["always"].all() and not confidence["never"].any()
    assert confidence["sometimes"].any() and not confidence["sometimes"].all()


def test_the_nearest_answer_is_the_one_that_is_trained():
    terms = torch.tensor([[[1.0, 5.0, 9.0]], [[2.0, 3.0, 0.5]], [[1.0, 1.0, 1.0]]], requires_grad=True)
    logits = torch.zeros(1, 3, requires_grad=True)
    loss, best = several_answers.nearest_answer_loss(terms, logits, lambda three: three.sum())
    loss.backward()
    assert best.tolist() == [9.0, 0.5, 1.0]
    assert terms.grad[:, 0, 2].tolist() == pytest.approx([0.95] * 3)
    assert terms.grad[:, 0, 0].tolist() == pytest.approx([0.025] * 3)
    assert logits.grad[0, 2] < 0 < logits.grad[0, 0]


def test_several_answers_learn_what_one_cannot(packs):
    """Of two poses that look alike, one answer is the mean; of two answers, one is right."""
    task = row_task.RowTask(row_task.Config(answers=2, **{**CONFIG, "batch": 8}))
    batch = task.make_batch(np.random.default_rng(0))
    for name in ("always", "sometimes"):
        batch[name] = batch[name][:1].repeat(8, 1, 1)
    batch["rotations"] = batch["rotations"][:2].repeat(4, 1, 1, 1)
    batch["betas"] = batch["betas"][:1].repeat(8, 1)
    optimizer = torch.optim.Adam(task.network.parameters(), 0.03)
    for _ in range(80):
        optimizer.zero_grad()
        loss, terms = task.loss(batch)
        loss.backward()
        optimizer.step()
    least_of_one = float(((batch["rotations"][0] - batch["rotations"][1]) ** 2).sum((1, 2)).mean()) / 4
    assert terms["rotation"] < 0.4 * least_of_one


def test_rows_are_chosen_by_name_and_by_number():
    assert [row.key for row in table_1.chosen_rows("6d,1-2,answers")] == ["axis-angle", "matrix", "6d", "answers"]
    assert table_1.chosen_rows("6d-matrix,15") == (table_1.ROWS[4], table_1.ROWS[14])
    for wrong in ("7d", "0", "3-99", "2-1", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="no row"):
            table_1.chosen_rows(wrong)


def test_table_1_trains_rows_on_the_same_people_resumes_and_takes_more_rows(packs, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(table_1, "TEST_PEOPLE", 4)
    options = ["--out", str(tmp_path / "t"), "--workers", "0", "--batch", "4", "--shape-batch", "4"]
    options += ["--iterations", "2", "--shape-iterations", "2", "--rows"]
    table_1.main([*options, "2,box"])
    first = _lines(capsys.readouterr().out)
    weights = tmp_path / "t" / "pose" / "box" / "weights.pt"
    written = weights.stat().st_mtime_ns
    table_1.main([*options, "box,answers"])
    again = _lines(capsys.readouterr().out)
    assert weights.stat().st_mtime_ns == written
    assert len(first) == 2 and len(again) == 3 and first[1] == again[0]
    assert "three answers" in again[1] and "best of the 3" in again[2]


def _lines(printed: str) -> list[str]:
    return [line for line in printed.splitlines() if line.startswith("| ")][2:]


def test_the_features_of_every_input_fit_the_network():
    keypoints = sure(np.random.default_rng(0).uniform(0, 500, (2, 25, 2)))
    for see in pose_inputs.INPUTS.values():
        assert see(keypoints, instances.VIEW)[0].shape == (2, FEATURE_COUNT)
