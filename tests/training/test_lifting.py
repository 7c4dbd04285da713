"""Sparse convex lifting and the reconstruction component: the mathematics on made-up bases, and the commands."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from body_from_image.inference.geometry.camera import Camera  # noqa: E402
from body_from_image.training.lifting import alternate, convex, depths, dictionary, evaluate, ordinal, photos  # noqa: E402
from body_from_image.training.lifting import reconstruction as component  # noqa: E402
from body_from_image.training.lifting.frames import COUNT, about_pelvis, mean_bone  # noqa: E402
from body_from_image.training.measure.metrics import pa_mpjpe  # noqa: E402
from body_from_image.training.measure.photos3d import MeasuredPhoto  # noqa: E402
from body_from_image.training.people.instances import random_rotations  # noqa: E402

FAR = Camera(1e5, np.zeros(2), (1, 1))
"""People stand so far from it that perspective is gone, as weak perspective has it."""


def made_up_basis(size: int = 6, seed: int = 0) -> dictionary.PoseBasis:
    poses = about_pelvis(np.random.default_rng(seed).normal(size=(size, COUNT, 3)))
    return dictionary.PoseBasis(poses / np.linalg.norm(poses, axis=(1, 2), keepdims=True))


def seen_from_afar(points: np.ndarray) -> np.ndarray:
    return np.concatenate([FAR.project(points + [0, 0, 1e4]), np.ones((*points.shape[:2], 1))], -1)


def objective(matrices: np.ndarray, wanted: np.ndarray, amount: float) -> float:
    return 0.5 * ((matrices - wanted) ** 2).sum() + amount * np.linalg.norm(matrices, 2)


@pytest.mark.parametrize("amount", [0.2, 1.0, 3.0, 20.0])
def test_no_matrix_nearby_has_a_smaller_proximal_objective(amount):
    rng = np.random.default_rng(0)
    wanted = rng.normal(size=(2, 3)) * 2
    found = convex.spectral_shrink(wanted, amount)
    least = objective(found, wanted, amount)
    for size in (1e-3, 1e-2, 0.3):
        assert all(objective(found + size * rng.normal(size=(2, 3)), wanted, amount) >= least for _ in range(200))


def test_a_small_matrix_shrinks_to_nothing():
    assert np.abs(convex.spectral_shrink(np.array([[1.0, 0, 0], [0, 0.5, 0]]), 1.6)).max() < 1e-12


def test_admm_comes_to_a_minimum_of_the_relaxed_problem():
    rng = np.random.default_rng(3)
    basis = rng.normal(size=(5, 3, COUNT))
    places, weights = rng.normal(size=(2, COUNT)), np.full(COUNT, 1 / COUNT)

    def cost(matrices: np.ndarray) -> float:
        off = places - np.einsum("kij,kjn->in", matrices, basis)
        return 0.5 * (off**2 * weights).sum() + 0.02 * np.linalg.norm(matrices, 2, axis=(1, 2)).sum()

    found = convex.relaxed(places, basis, weights, 0.02)
    around = [cost(found + 0.02 * rng.normal(size=found.shape)) for _ in range(300)]
    assert cost(found) < min(around)


def test_coefficients_and_rotation_are_read_off_exact_products():
    rotation = random_rotations(1, np.random.default_rng(4))[0]
    wanted = np.array([0.3, 1.2, 0.0, 0.5])
    coefficients, rows = convex.synchronised(wanted[:, None, None] * rotation[:2])
    assert np.abs(coefficients - wanted).max() < 1e-9
    assert np.abs(convex.whole_rotation(rows) - rotation).max() < 1e-9


@pytest.mark.parametrize("hidden", [[], [0, 10, 15, 21]])
def test_a_pose_in_the_span_of_the_basis_is_recovered(hidden):
    """Also where keypoints are hidden: they come from the basis."""
    basis = made_up_basis()
    rng = np.random.default_rng(1)
    codes = rng.uniform(0.3, 1, (8, 6)) * (rng.random((8, 6)) < 0.5) + np.eye(8, 6)
    truth = np.einsum("nk,kij->nij", codes, basis.poses) @ random_rotations(8, rng).transpose(0, 2, 1)
    keypoints = seen_from_afar(truth)
    keypoints[:, hidden, 2] = 0
    found, _ = convex.SparseLifting(basis, 1e-4).lift(keypoints, FAR)
    size = 1e3 * np.sqrt((truth**2).sum(2).mean())
    assert pa_mpjpe(found, truth).max() < 0.02 * size


def test_alternation_only_makes_the_first_problem_better():
    rng = np.random.default_rng(5)
    basis = rng.normal(size=(6, 3, COUNT))
    places, weights = rng.normal(size=(2, COUNT)), np.full(COUNT, 1 / COUNT)
    rows, codes = random_rotations(1, rng)[0, :2], rng.uniform(0, 0.3, 6)

    def cost(codes: np.ndarray, rows: np.ndarray) -> float:
        off = places - rows @ np.einsum("k,kij->ij", codes, basis)
        return 0.5 * (off**2 * weights).sum() + 0.05 * codes.sum()

    found = alternate.alternate(places, basis, weights, 0.05, codes, rows)
    assert cost(*found) < cost(codes, rows)
    assert np.abs(found[1] @ found[1].T - np.eye(2)).max() < 1e-9 and found[0].min() >= 0


def test_dictionary_learning_finds_a_basis_that_its_poses_lie_in():
    rng = np.random.default_rng(2)
    true = made_up_basis(4).poses
    codes = rng.uniform(0, 1, (300, 4)) * (rng.random((300, 4)) < 0.6)
    shapes = np.einsum("nk,kij->nij", codes, true)
    learnt = dictionary.learn_basis(shapes, 4, 1e-3, 60, rng)
    assert np.linalg.norm(learnt, axis=(1, 2)).max() < 1 + 1e-9
    flat = learnt.reshape(4, -1)
    again = dictionary.codes_of(flat @ flat.T, shapes.reshape(300, -1) @ flat.T, 1e-3, np.zeros((300, 4)), 500)
    left = np.linalg.norm(shapes.reshape(300, -1) - again @ flat) / np.linalg.norm(shapes)
    assert left < 0.1


def test_the_order_is_all_that_order_features_tell():
    depth = np.random.default_rng(0).permuted(np.tile(np.arange(COUNT) - 7.0, (4, 1)), axis=1)
    assert np.array_equal(ordinal.order_of(depth), ordinal.order_of(depth**3 / 9 - 4))
    relation = ordinal.relations(depth)
    assert np.array_equal(relation, -relation.transpose(0, 2, 1))
    assert np.array_equal(ordinal.relations(-depth), -relation)
    # Whoever is behind has the greater score.
    assert ordinal.pairs_right(ordinal.order_of(depth)[:, :COUNT].astype(float), relation) == 1
    assert ordinal.pairs_right(-depth, relation) == 0


def test_depths_that_nobody_could_tell_apart_and_unknown_ones_have_no_order():
    depth, known = np.zeros((1, COUNT)), np.ones((1, COUNT), bool)
    depth[0, 1], depth[0, 2] = 0.5 * ordinal.ALIKE, 5
    known[0, 2] = False
    features = ordinal.order_of(depth, known)
    assert not features[0, :COUNT].any() and features[0, COUNT:].sum() == COUNT - 1
    assert not ordinal.order_of(depth, np.zeros_like(known)).any() and not ordinal.no_order(1).any()


def test_the_reconstruction_component_learns_to_put_behind_what_is_said_to_be_behind():
    """Flat people: only the order can tell which keypoint is farther away."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = component.Reconstruction(64, 1)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)

    def batch() -> tuple[torch.Tensor, np.ndarray]:
        depth = rng.normal(size=(128, COUNT))
        features = np.concatenate([np.zeros((128, 78)), ordinal.order_of(depth)], 1).astype(np.float32)
        return torch.from_numpy(features), depth

    for _ in range(60):
        features, depth = batch()
        loss = ((network(features)[..., 2] + torch.from_numpy(depth).float()) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    features, depth = batch()
    found = -network.eval()(features).detach().numpy()[..., 2]
    assert ordinal.pairs_right(found, ordinal.relations(depth)) > 0.85


def test_measured_limbs_are_put_before_the_camera_that_saw_them():
    rng = np.random.default_rng(6)
    camera = Camera(800.0, np.array([200.0, 200.0]), (400, 400))
    limbs = rng.normal(0, 0.4, (12, 3))
    placed = limbs @ random_rotations(1, rng)[0].T + [0.1, 0, 4]
    keypoints = np.zeros((COUNT, 3))
    keypoints[photos.LIMBS] = np.column_stack([camera.project(placed), np.ones(12)])
    order = photos.measured_order(MeasuredPhoto(0, None, keypoints, limbs), camera)
    depth, known = np.zeros((1, COUNT)), np.zeros((1, COUNT), bool)
    depth[0, photos.LIMBS], known[0, photos.LIMBS] = placed[:, 2], True
    assert np.array_equal(order, ordinal.order_of(depth, known))


def test_all_commands_from_clips_to_the_table(packs, tmp_path, capsys):
    dictionary.main(["--out", str(tmp_path / "basis"), "--size", "4", "--count", "50", "--rounds", "2"])
    assert (tmp_path / "basis" / dictionary.BASIS_FILE).stat().st_size < 100_000
    small = ["--iterations", "2", "--batch", "8", "--width", "16", "--workers", "0", "--out"]
    component.main([*small, str(tmp_path / "component")])
    capsys.readouterr()
    runs = ["--basis", str(tmp_path / "basis"), "--reconstruction", str(tmp_path / "component")]
    evaluate.main(["--split", "validation", "--count", "6", "--json", str(tmp_path / "table.json"), *runs])
    told = capsys.readouterr().out
    rows = [line for line in told.splitlines() if line.startswith("| ")]
    # Nobody has Human2D's depths of synthetic people.
    assert len(rows) == 2 + 7 and rows[-1].count("–") == 5


def test_batches_of_the_reconstruction_component_are_in_mean_bones_about_the_pelvis(packs):
    task = component.ReconstructionTask(component.Config(batch=8, width=16))
    batch = task.make_batch(np.random.default_rng(0))
    points = batch["points"].numpy()
    assert np.abs(mean_bone(points) - 1).max() < 1e-4 and np.abs(about_pelvis(points) - points).max() < 1e-6
    # Where it is known, the order agrees with the depths, up to noise.
    score, known = batch["features"][:, -2 * COUNT : -COUNT].numpy(), batch["features"][:, -COUNT:].numpy() > 0
    assert np.corrcoef(score[known], -points[..., 2][known])[0, 1] > 0.7


def test_a_mixture_with_the_truth_in_it_is_right_and_one_of_noise_is_not():
    rng = np.random.default_rng(0)
    truth, noise = rng.normal(size=(60, 2)), rng.normal(size=(60, 2))
    assert depths.mixture_error([noise, truth * 3 + 1], truth) == pytest.approx(0, abs=1e-9)
    assert depths.mixture_error([noise], truth) > truth.std() * 0.95


def test_depths_that_point_the_right_way_have_the_right_sign():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(40, 12))
    table = depths.figures_of({"truth": truth, "body": -truth, "Human2D": truth + 0.01})
    assert all(row["body, sign right"] == 0 and row["Human2D, sign right"] == 1 for row in table.values())
    assert all(row["body + Human2D"] == pytest.approx(0, abs=1e-6) for row in table.values())
    assert "forearm" in depths.as_markdown(table)
