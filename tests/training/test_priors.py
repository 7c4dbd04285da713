"""The priors' training: true geometry, losses, learning, resuming, export."""

import csv
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from body_from_image.inference.body.body_estimate import camera_from_upright  # noqa: E402
from body_from_image.inference.body.body_model import BodyModel, forward_kinematics  # noqa: E402
from body_from_image.inference.engine import Engine, Settings  # noqa: E402
from body_from_image.inference.geometry.camera import Camera  # noqa: E402
from body_from_image.inference.geometry.joints import KEYPOINT_INDEX  # noqa: E402
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix, six_d_to_matrix  # noqa: E402
from body_from_image.inference.networks.pose_features import FEATURE_COUNT, pose_features, rotation_to_forward  # noqa: E402
from body_from_image.training.measure.metrics import scale_corrected  # noqa: E402
from body_from_image.training.people import instances  # noqa: E402
from body_from_image.training.priors import bones, networks, pose_prior, rotations, shape_prior, silhouettes  # noqa: E402
from body_from_image.training.priors.evaluation import command as evaluate  # noqa: E402
from body_from_image.training.priors.evaluation.body_measures import Tailor  # noqa: E402
from body_from_image.training.runs import run  # noqa: E402
from body_from_image.training.runs.onnx_export import export, load_weights  # noqa: E402

MODEL = BodyModel.load()


def people(count: int = 32, seed: int = 0) -> instances.Instances:
    return instances.People(MODEL, "train").draw(count, np.random.default_rng(seed))


def test_instances_are_the_body_models_own_bodies(packs):
    made = people()
    posed = MODEL.pose(made.betas, made.rotations, made.transl)
    assert np.abs(posed.joints - made.joints).max() < 1e-5
    assert np.abs(posed.vertices[:, MODEL.keypoint_vertices] - made.landmarks).max() < 1e-5
    assert (camera_from_upright(posed.vertices)[..., 2] > 0.2).all()


def test_features_do_not_depend_on_where_in_the_photo_the_person_stands():
    """Turning the camera about its centre moves the person across the picture and changes nothing else."""
    rng = np.random.default_rng(0)
    body = rng.normal(0, 0.4, (25, 3)) + [0, 0, 4]
    camera = Camera(800.0, np.array([400.0, 300.0]), (800, 600))
    turn = rotation_to_forward(np.array([[0.35, -0.2]]))[0]
    seen = [np.column_stack([camera.project(points), np.ones(25)]) for points in (body, body @ turn)]
    (straight,), turn_a = pose_features(seen[0][None], camera)
    (aside,), turn_b = pose_features(seen[1][None], camera)
    assert np.abs(aside[:76] - straight[:76]).max() < 0.02
    # What the network answers is turned back into each camera.
    assert np.abs(turn_a[0] - turn_b[0] @ turn.T).max() < 0.02


def test_features_of_a_person_upside_down_are_those_of_the_same_person_upright():
    rng = np.random.default_rng(1)
    points, center = rng.uniform(-200, 200, (25, 2)), np.array([400.0, 400.0])
    camera = Camera(800.0, center, (800, 800))
    angle = np.deg2rad(163)
    roll = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    seen = [np.column_stack([center + places, np.ones(25)]) for places in (points, points @ roll.T)]
    (upright,), turn_a = pose_features(seen[0][None], camera)
    (rolled,), turn_b = pose_features(seen[1][None], camera)
    assert np.abs(rolled[:76] - upright[:76]).max() < 1e-5
    assert np.abs(roll @ upright[76:] - rolled[76:]).max() < 1e-5  # where the ground is remains known
    assert np.abs(turn_b[0, :2, :2] @ roll - turn_a[0, :2, :2]).max() < 0.02


def test_without_hips_or_shoulders_nothing_is_rolled():
    rng = np.random.default_rng(2)
    keypoints = np.concatenate([rng.uniform(200, 500, (1, 25, 2)), np.ones((1, 25, 1))], -1)
    keypoints[0, [2, 3, 6], 2] = 0
    features, _ = pose_features(keypoints, Camera(800.0, np.array([400.0, 300.0]), (800, 600)))
    assert np.array_equal(features[0, 76:], [0, -1])


@pytest.mark.parametrize("confidence", [0.0, 1e-5, 0.01])
def test_hidden_keypoints_leave_no_trace(confidence):
    rng = np.random.default_rng(0)
    camera = Camera(800.0, np.array([400.0, 300.0]), (800, 600))
    keypoints = np.concatenate([rng.uniform(200, 500, (1, 25, 2)), np.ones((1, 25, 1))], -1)
    keypoints[0, 4, 2] = confidence
    moved = keypoints.copy()
    moved[0, 4, :2] = [9999, -9999]
    assert np.array_equal(pose_features(keypoints, camera)[0], pose_features(moved, camera)[0])


def test_six_d_is_the_engines():
    six_d = torch.randn(20, 6, dtype=torch.float64)
    assert np.abs(rotations.six_d_to_matrix(six_d).numpy() - six_d_to_matrix(six_d.numpy())).max() < 1e-12


def test_rotations_about_the_camera_become_those_about_the_parents():
    local = axis_angle_to_matrix(np.random.default_rng(0).normal(0, 0.8, (3, 24, 3)).astype(np.float32))
    _, world = forward_kinematics(np.zeros((3, 24, 3), np.float32), local, MODEL.parents, MODEL.kinematic_levels)
    columns = torch.from_numpy(world[..., :2]).transpose(2, 3).flatten(2)
    # Gram-Schmidt first: what a network answers with is no rotation yet.
    found = rotations.six_d_to_matrix(rotations.AboutParents()(columns * torch.rand(3, 24, 1) * 3))
    assert np.abs(found.numpy() - local).max() < 1e-5


def test_a_forearm_that_points_at_the_camera_is_seen_to_be_short():
    points = bones.rest_keypoints(MODEL)
    elbow, wrist, knuckles = (KEYPOINT_INDEX[f"left_{name}"] for name in ("elbow", "wrist", "knuckles"))
    forearm, hand = (bones.BONES.tolist().index(list(bone)) for bone in ((elbow, wrist), (wrist, knuckles)))
    points[wrist, :2] = points[elbow, :2] + (points[wrist, :2] - points[elbow, :2]) * 0.6
    keypoints = np.column_stack([points[:, :2], np.ones(25)])
    keypoints[knuckles] = 0
    features = torch.from_numpy(np.append(keypoints.ravel(), [0, 0, 1])).float()[None]
    added = bones.Foreshortening()(features)[0, FEATURE_COUNT:]
    assert len(added) == bones.Foreshortening.added and torch.isfinite(added).all()
    count = len(bones.BONES)
    vectors, ratio, depth = (
        added[: 2 * count].unflatten(0, (-1, 2)),
        added[2 * count : -1][:count],
        added[3 * count : -1],
    )
    assert torch.allclose(vectors[forearm], torch.from_numpy(points[elbow] - points[wrist]).float()[:2], atol=1e-6)
    assert ratio[forearm] == pytest.approx(0.6, abs=0.05) and depth[forearm] == pytest.approx(0.8, abs=0.05)
    assert not vectors[hand].any() and ratio[hand] == 0 and depth[hand] == 0
    # Half as near, everything looks half as large, and as much foreshortened.
    smaller = bones.Foreshortening()(features * 0.5)[0, FEATURE_COUNT:]
    assert torch.allclose(smaller[2 * count : -1], added[2 * count : -1], atol=1e-4)


def test_silhouettes_are_those_of_the_mesh(packs):
    """Points, closing and averaging against filled triangles (OpenCV), on the same grid."""
    cv2 = pytest.importorskip("cv2")
    made = people(8)
    points = silhouettes.project_bodies(MODEL, made)
    for body in points:
        low, side = body.min(0), (body.max(0) - body.min(0)).max() * 1.2
        ours = silhouettes.draw_silhouette(body, MODEL.faces, low - side / 12, side)
        fine = np.zeros((1024, 1024), np.uint8)
        pixels = np.round((body - (low - side / 12)) * 1024 / side - 0.5).astype(np.int32)
        for triangle in pixels[MODEL.faces]:
            cv2.fillConvexPoly(fine, triangle, 255)
        exact = cv2.resize(fine, (64, 64), interpolation=cv2.INTER_AREA) / 255
        assert np.abs(ours - exact).mean() < 0.015
        assert abs(ours.sum() / exact.sum() - 1) < 0.04


def test_the_metric_of_betas_is_the_distance_of_vertices():
    betas = np.random.default_rng(0).normal(size=(2, 10)).astype(np.float32)
    difference = torch.from_numpy(betas[:1] - betas[1:])
    vertices = MODEL.rest_vertices(betas)
    expected = np.sqrt(((vertices[0] - vertices[1]) ** 2).sum(1).mean())
    metric = shape_prior.vertex_metric(MODEL, scale_corrected=False)
    assert float((difference @ metric * difference).sum().sqrt()) == pytest.approx(float(expected), rel=1e-3)


def test_the_scale_corrected_metric_is_the_distance_after_scaling():
    """Against the metric that is evaluated by, whose mean is of distances, not of squares, on betas near the mean."""
    betas = np.random.default_rng(0).normal(0, 0.3, (40, 10)).astype(np.float32)
    metric = shape_prior.vertex_metric(MODEL, scale_corrected=True)
    difference = torch.from_numpy(betas)
    ours = 1e3 * (difference @ metric * difference).sum(1).sqrt().numpy()
    evaluated = scale_corrected(MODEL.rest_vertices(betas), MODEL.rest_vertices(np.zeros_like(betas)))
    assert np.corrcoef(ours, evaluated)[0, 1] > 0.98
    assert 1.0 < np.median(ours / evaluated) < 1.4


def test_both_priors_train_resume_and_export(packs, tmp_path):
    pose_task = pose_prior.PoseTask(pose_prior.Config(iterations=3, batch=8, width=32, vertices=20))
    pose = run.train(pose_task, tmp_path / "pose", 0, 1)
    shape_task = shape_prior.ShapeTask(shape_prior.Config(iterations=3, batch=4))
    shape = run.train(shape_task, tmp_path / "shape", 0, 1)
    for folder in ("pose", "shape"):
        assert (tmp_path / folder / "log.csv").read_text().count("\n") == 4
        assert (tmp_path / folder / "weights.pt").exists()
    features = torch.randn(4, FEATURE_COUNT)
    outputs = ["rotations", "uncertainty"]
    assert export(pose, features, tmp_path / "pose.onnx", "features", outputs, {}) < 2e-2
    assert export(shape, torch.rand(4, 1, 64, 64), tmp_path / "s.onnx", "silhouettes", ["betas"], {}) < 1e-2
    again = run.train(pose_prior.PoseTask(pose_task.config), tmp_path / "pose", 0, 1)
    assert torch.equal(again.head.bias, pose.head.bias)


def test_weights_of_a_network_without_the_uncertainty_are_a_warm_start(tmp_path):
    before, after = networks.PosePrior(16), networks.PosePrior(16)
    torch.save({k: v for k, v in before.state_dict().items() if "uncertainty" not in k}, tmp_path / "weights.pt")
    after.load_earlier(tmp_path / "weights.pt")
    assert torch.equal(after.head.weight, before.head.weight)
    with pytest.raises(ValueError, match="lacks 2 weights"):
        load_weights(after, tmp_path / "weights.pt")


def test_a_deeper_network_begins_as_the_shallower_one_whose_weights_it_is_given(tmp_path):
    before, after = networks.PosePrior(16, 2), networks.PosePrior(16, 4)
    torch.save(before.state_dict(), tmp_path / "weights.pt")
    after.load_earlier(tmp_path / "weights.pt")
    features = torch.randn(8, FEATURE_COUNT)
    for train in (True, False):
        found, expected = (network.train(train)(features)[0] for network in (after, before))
        assert 0 < (found - expected).abs().max() < 0.01
    before.train(), after.train()
    after(features)[0].sum().backward()
    assert after.units[3].body[-3].weight.grad.abs().max() > 0
    assert len(networks.PosePrior.of(tmp_path / "weights.pt").units) == 2
    torch.save(after.state_dict(), tmp_path / "deeper.pt")
    with pytest.raises(ValueError, match="weights that this network lacks"):
        before.load_earlier(tmp_path / "deeper.pt")
    with pytest.raises(ValueError, match="lacks"):
        networks.PosePrior(16, 2).load_earlier(_without(tmp_path / "weights.pt", "units.0."))


def test_a_network_that_sees_more_and_answers_in_another_frame_begins_with_the_earlier_ones_units(tmp_path):
    before = networks.PosePrior(16, output="6d", bones=False)
    torch.save(before.state_dict(), tmp_path / "weights.pt")
    after = networks.PosePrior(16)
    head = after.head.weight.clone()
    after.load_earlier(tmp_path / "weights.pt")
    features = torch.randn(8, FEATURE_COUNT)
    hidden = [network.eval().stem(network.foreshortening(features)) for network in (before, after)]
    assert torch.allclose(*hidden, atol=1e-5)
    assert torch.equal(after.head.weight, head) and torch.equal(
        after.units[1].body[0].weight, before.units[1].body[0].weight
    )
    torch.save(after.state_dict(), tmp_path / "weights.pt")
    back = networks.PosePrior(16, output="6d")
    head = back.head.weight.clone()
    back.load_earlier(tmp_path / "weights.pt")
    assert torch.equal(back.head.weight, head) and torch.equal(back.stem[0].weight, after.stem[0].weight)
    with pytest.raises(ValueError, match="sees 109 numbers more"):
        before.load_earlier(tmp_path / "weights.pt")


@pytest.mark.parametrize("options", [{}, {"output": "6d", "bones": False}])
def test_an_exported_file_is_the_network_that_it_was_made_of(tmp_path, options):
    network = networks.PosePrior(16, **options).eval()
    features = torch.randn(8, FEATURE_COUNT)
    outputs = ["rotations", "uncertainty"]
    assert export(network, features, tmp_path / "pose.onnx", "features", outputs, {}) < 1e-2
    again = networks.PosePrior.of(tmp_path / "pose.onnx").eval()
    assert torch.allclose(again(features)[0], network(features)[0], atol=1e-2)
    assert network(features)[0].shape == (8, 24, 6)


def _without(path, part):
    """A file next to `path` that lacks the weights whose names begin with `part`."""
    kept = {name: value for name, value in torch.load(path).items() if not name.startswith(part)}
    torch.save(kept, path.with_name("less.pt"))
    return path.with_name("less.pt")


@pytest.mark.parametrize("size", [1e-4, 0.3, 3.0])
def test_angles_and_rotations_are_the_engines(size):
    axis_angle = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 24, 3))).double()
    axis_angle = axis_angle / axis_angle.norm(dim=-1, keepdim=True) * size
    matrices = rotations.axis_angle_to_matrix(axis_angle)
    assert np.abs(matrices.numpy() - axis_angle_to_matrix(axis_angle.numpy())).max() < 1e-9
    found = pose_prior.angles(matrices, torch.eye(3).double().expand(1, 24, 3, 3))
    assert np.allclose(np.rad2deg(size), found, rtol=1e-4)


def test_the_uncertainty_that_fits_best_is_the_mean_angle():
    angle = torch.rand(4000, 24, generator=torch.manual_seed(0)) ** 3 * 40
    loss = [float(pose_prior.angle_likelihood(torch.full((24,), float(mean)), angle)) for mean in range(5, 16)]
    assert 5 + np.argmin(loss) == round(float(angle.mean()))


@pytest.mark.slow
def test_the_pose_prior_learns(packs, tmp_path):
    run.train(pose_prior.PoseTask(pose_prior.Config(iterations=300, batch=64, width=256)), tmp_path, 0, 50)
    rows = [line.split(",") for line in (tmp_path / "log.csv").read_text().splitlines()]
    assert float(rows[-1][2]) < 0.8 * float(rows[1][2])


@pytest.fixture
def licensed_file(tmp_path) -> Path:
    """An imitation of a licensed SMPL file: another shape space, no names, no landmarks."""
    mixed, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(10, 10)))
    path = tmp_path / "SMPL_NEUTRAL.npz"
    np.savez(
        path, v_template=MODEL.v_template, shapedirs=MODEL.shapedirs @ mixed, posedirs=np.zeros((6890, 3, 207)),
        J_regressor=MODEL.J_regressor, weights=MODEL.lbs_weights, f=MODEL.faces,
        kintree_table=np.stack([np.where(MODEL.parents < 0, 2**32 - 1, MODEL.parents), np.arange(24)]),
    )  # fmt: skip
    return path


def test_a_licensed_body_gets_its_own_shape_prior_and_the_engine_uses_it(packs, licensed_file):
    silhouette = np.ones((64, 64), np.float32)
    before, remarks = Engine(Settings(device="cpu", body_model=licensed_file)).shape(silhouette)
    assert not before.any() and "--body-model" in remarks[0]
    options = ["--body-model", str(licensed_file), "--out", str(licensed_file.parent / "run")]
    shape_prior.main([*options, "--iterations", "2", "--batch", "4", "--workers", "0"])
    betas, remarks = Engine(Settings(device="cpu", body_model=licensed_file)).shape(silhouette)
    assert betas.any() and not remarks


@pytest.mark.slow
def test_the_shape_prior_learns_a_licensed_body(packs, licensed_file):
    folder = licensed_file.parent / "run"
    shape_prior.main(
        ["--body-model", str(licensed_file), "--out", str(folder), "--iterations", "200", "--workers", "0"]
    )
    with open(folder / "log.csv") as file:
        vertices = [float(row["vertices"]) for row in csv.DictReader(file)]
    assert vertices[-1] < 0.95 * vertices[0]


def test_girths_are_those_of_a_tape_and_limbs_those_of_the_joints():
    """A body twice as large measures twice as much; a heavier one is wider everywhere; a circle's girth is 2πr."""
    tailor = Tailor(MODEL)
    betas = np.zeros((2, 10), np.float32)
    betas[1, MODEL.beta_names.index("body mass index")] = 2
    measures = tailor.measure(betas)
    for girth in ("chest", "waist", "hips"):
        assert 60 < measures[girth][0] < 130 and measures[girth][1] > measures[girth][0] + 8
    twice = tailor.measure(betas, 2 * measures["stature"] / 100)
    assert all(twice[name] == pytest.approx(2 * measures[name], rel=1e-4) for name in measures)
    radius = np.hypot(*(MODEL.v_template[:, axis] for axis in (0, 2)))[:, None]
    round_body = MODEL.v_template.copy()
    round_body[:, [0, 2]] *= 0.15 / np.maximum(radius, 1e-6)
    assert tailor.girth(round_body, float(MODEL.rest_joints(betas[:1])[0, 6, 1])) == pytest.approx(
        0.3 * np.pi, rel=0.02
    )


def test_evaluation_prints_every_figure(packs, capsys):
    evaluate.main(["--count", "12", "--split", "validation"])
    printed = capsys.readouterr().out
    for line in ("pose, 2 % noise", "uncertainty, full corruption", "heavy women, clean", "waist, cm"):
        assert line in printed
