"""The differentiable silhouette: what it draws, how that changes, what it costs, and that bodies are fitted by it."""

import time

import cv2
import numpy as np
import pytest
from body_from_image.inference.geometry import rasterizer
from body_from_image.inference.geometry.joints import keypoints_from_joints

torch = pytest.importorskip("torch", reason="the renderer is made of torch; install the extra 'train'")
pytest.importorskip("numba", reason="the renderer is compiled by numba; install the extra 'train'")

from body_from_image.training.body.body_model import TorchBodyModel  # noqa: E402
from body_from_image.training.priors.networks import axis_angle_to_matrix as torch_axis_angle_to_matrix  # noqa: E402
from body_from_image.training.reprojection.projection import project  # noqa: E402
from body_from_image.training.reprojection.silhouette.soft_silhouette import SoftSilhouette  # noqa: E402

TO_CAMERA = torch.tensor([1.0, -1, -1])
TRIANGLE = ([[0, 1, 2]], [[1.3, 2.1], [9.7, 3.4], [4.2, 10.6]])
TETRAHEDRON = ([[0, 1, 2], [0, 3, 1], [1, 3, 2], [2, 3, 0]], [[1.2, 1.7], [10.1, 2.9], [5.3, 11.2], [5.9, 4.8]])
ACROSS_THE_BORDER = ([[0, 1, 2]], [[-4.7, 1.3], [15.6, 6.2], [3.1, 16.4]])
CROSSING = ([[0, 1, 2], [3, 4, 5]], [[0.7, 1.1], [10.8, 5.2], [1.6, 7.3], [9.1, 0.4], [4.3, 10.9], [6.2, 1.8]])
NOT_ORIENTED = ([[0, 1, 2], [0, 1, 3], [0, 1, 4]], [[5.1, 1.2], [6.3, 10.4], [1.7, 5.5], [10.2, 6.1], [8.4, 9.3]])
CROSSING_BEYOND = ([[0, 1, 2], [3, 4, 5]], [[5.2, 1.1], [14.6, 4.3], [6.1, 9.7], [4.4, 3.2], [14.1, 0.4], [15.3, 11.2]])
SMALL = {"triangle": TRIANGLE, "tetrahedron": TETRAHEDRON, "beyond the border": ACROSS_THE_BORDER,
         "two that cross": CROSSING, "two that cross beyond the border": CROSSING_BEYOND,
         "three on one edge": NOT_ORIENTED}  # fmt: skip


@pytest.fixture(scope="module")
def twin(body):
    return TorchBodyModel(body).double()


@pytest.fixture
def one_thread():
    """Threads of torch that wait for one another count as processor time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def parameters(count, seed=0, spread=0.4):
    """Betas (count, 10), axis-angles (count, 24, 3) and translations (count, 3): every second body is turned anyhow,
    every third is partly out of the map."""
    rng = np.random.default_rng(seed)
    betas, angles = rng.normal(size=(count, 10)), rng.normal(0, spread, (count, 24, 3))
    angles[::2, 0] = rng.uniform(-2, 2, angles[::2, 0].shape)
    transl = np.stack([rng.normal(0, 0.1, count), rng.normal(0.2, 0.1, count), rng.uniform(-3.2, -2.6, count)], 1)
    transl[::3] += [0.6, 0.5, 0.8]
    return tuple(torch.from_numpy(array) for array in (betas, angles, transl))


def cells(twin, betas, angles, transl, size=64):
    """The projected vertices (B, V, 2) of posed bodies."""
    vertices = twin(betas, torch_axis_angle_to_matrix(angles), transl).vertices * TO_CAMERA.to(betas)
    middle = np.full(2, (size - 1) / 2)
    return project(vertices, 1.5 * size, middle)


def areas(triangles, size, fine=16):
    """Covered areas (size, size), counted on a grid `fine` times finer by the rasteriser of `inference`."""
    spans = rasterizer.spans_of((triangles + 0.5) * fine - 0.5, size * fine, size * fine)
    return rasterizer.coverage(spans, size * fine, size * fine).reshape(size, fine, size, fine).mean((1, 3))


def areas_by_opencv(triangles, size, fine=16):
    canvas = np.zeros((size * fine, size * fine), np.uint8)
    for corners in np.round(((triangles + 0.5) * fine - 0.5) * 16).astype(np.int32):
        cv2.fillConvexPoly(canvas, corners, 1, shift=4)
    return canvas.reshape(size, fine, size, fine).mean((1, 3))


@pytest.mark.parametrize("name", SMALL)
def test_a_sharp_map_holds_covered_areas(name):
    faces, points = map(np.array, SMALL[name])
    drawn = SoftSilhouette(faces, 12, softness=0)(torch.from_numpy(points)[None])[0].numpy()
    assert np.abs(drawn - areas(points[faces], 12, fine=128)).max() < 0.01


def test_bodies_in_many_poses_are_drawn_as_by_hard_rasterisers(body, twin):
    for size, count in ((64, 12), (128, 3), (256, 2)):
        points = cells(twin, *parameters(count), size)
        soft = SoftSilhouette(body.faces, size)(points).numpy()
        sharp = SoftSilhouette(body.faces, size, softness=0)(points).numpy()
        for number, triangles in enumerate(points.numpy()[:, body.faces]):
            hard = rasterizer.coverage(rasterizer.spans_of(triangles, size, size), size, size)
            assert hard.mean() > 0.02
            assert ((soft[number] >= 0.5) != hard).mean() < 0.01
            assert ((soft[number] >= 0.5) != (areas_by_opencv(triangles, size) >= 0.5)).mean() < 0.01
            assert np.abs(sharp[number] - areas(triangles, size)).max() < 0.1
            assert np.abs(sharp[number] - areas(triangles, size)).mean() < 0.001


def test_surfaces_that_lie_on_one_another_count_once(body, twin):
    points = cells(twin, *parameters(2))
    once = SoftSilhouette(body.faces)(points)
    doubled = SoftSilhouette(np.concatenate([body.faces, body.faces + points.shape[1]]))
    assert torch.allclose(doubled(torch.cat([points, points], 1)), once, atol=1e-9)


def test_faces_with_a_vertex_that_is_not_seen_are_left_out(body, twin):
    points = cells(twin, *parameters(2))
    lost = torch.arange(points.shape[1]) % 97 == 5
    kept = ~lost.numpy()[body.faces].any(1)
    expected = SoftSilhouette(body.faces[kept])(points)
    for nothing in (torch.nan, torch.inf):
        holed = torch.where(lost[:, None], nothing, points).requires_grad_()
        drawn = SoftSilhouette(body.faces)(holed)
        assert torch.equal(drawn, expected)
        drawn.square().sum().backward()
        assert torch.isfinite(holed.grad).all() and (holed.grad[:, lost] == 0).all() and holed.grad.abs().sum() > 0


@pytest.mark.parametrize("softness", [0, 0.5])
@pytest.mark.parametrize("name", SMALL)
def test_gradients_of_small_meshes_equal_finite_differences(name, softness):
    faces, points = map(np.array, SMALL[name])
    points = torch.from_numpy(points)[None].requires_grad_()
    assert torch.autograd.gradcheck(SoftSilhouette(faces, 12, softness), points, eps=1e-6, atol=1e-6)


def directional_error(twin, renderer, seed):
    """Relative error of the derivative along a random direction of betas, joint angles and translation."""
    rng = np.random.default_rng(seed)
    inputs = [tensor.requires_grad_() for tensor in parameters(1, seed)]
    weights = torch.from_numpy(rng.normal(size=(1, 64, 64)))
    directions = [torch.from_numpy(rng.normal(0, 0.1, tensor.shape)) for tensor in inputs]

    def value(step):
        moved = [tensor + step * way for tensor, way in zip(inputs, directions, strict=True)]
        return (weights * renderer(cells(twin, *moved))).sum()

    gradients = torch.autograd.grad(value(0), inputs)
    slope = sum((gradient * way).sum() for gradient, way in zip(gradients, directions, strict=True))
    with torch.no_grad():
        measured = (value(1e-5) - value(-1e-5)) / 2e-5
    return float((slope - measured).abs() / measured.abs())


def test_gradients_through_a_posed_body_equal_finite_differences(body, twin):
    renderer = SoftSilhouette(body.faces)
    errors = np.array([directional_error(twin, renderer, seed) for seed in range(40)])
    print(f"\nrelative errors: median {np.median(errors):.1e}, 90 % {np.quantile(errors, 0.9):.1e}, {errors.max():.1e}")
    # A step may straddle a place where a vertex comes to light; there the slopes before and behind differ a little.
    assert np.median(errors) < 1e-6 and (errors < 1e-4).mean() >= 0.9 and errors.max() < 0.02


def test_a_gap_that_opens_changes_the_map_little():
    """Two squares side by side, a thousandth of a cell apart or not at all."""
    square = np.array([[0, 0], [4, 0], [4, 8], [0, 8]], float) + 2.2
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    maps = [
        SoftSilhouette(faces, 16)(torch.from_numpy(np.concatenate([square, square + [4 + gap, 0]]))[None])
        for gap in (-1e-3, 1e-3)
    ]
    assert (maps[0] - maps[1]).abs().max() < 3e-3


def intersection_over_union(a, b):
    a, b = a >= 0.5, b >= 0.5
    return float((a & b).sum() / (a | b).sum())


def test_descent_finds_a_body_that_stands_elsewhere_and_is_of_another_build(body):
    twin, renderer = TorchBodyModel(body), SoftSilhouette(body.faces)
    angles = torch.zeros(1, 24, 3)
    angles[0, 16:18, 2] = torch.tensor([-0.9, 0.9])

    def draw(betas, angles, transl):
        return renderer(cells(twin, betas, angles, transl))

    with torch.no_grad():
        target = draw(torch.full((1, 10), 0.5), angles, torch.tensor([[0.0, 0.2, -2.8]]))
    betas = torch.zeros(1, 10, requires_grad=True)
    transl = torch.tensor([[0.1, 0.27, -3.0]], requires_grad=True)
    found = angles.clone()
    found[0, 16:18, 2] += torch.tensor([0.2, -0.25])
    found.requires_grad_()
    before = intersection_over_union(draw(betas, found, transl), target)
    optimizer = torch.optim.Adam([{"params": [transl, found], "lr": 0.01}, {"params": [betas], "lr": 0.03}])
    for _ in range(80):
        optimizer.zero_grad()
        (draw(betas, found, transl) - target).square().sum().backward()
        optimizer.step()
    after = intersection_over_union(draw(betas, found, transl), target)
    print(f"\nIoU {before:.3f} before, {after:.3f} after")
    assert before < 0.65 and after > 0.95


def test_projection_is_that_of_the_engine_and_its_gradients_stay_finite():
    rng = np.random.default_rng(0)
    vertices = rng.normal(0, 1, (2, 50, 3))
    for focal, center in ((700.0, np.array([320.0, 240])), (torch.tensor([700.0, 500]), torch.rand(2, 2) * 100)):
        tensor = torch.from_numpy(vertices).requires_grad_()
        pixels = project(tensor, focal, center)
        for number, expected in enumerate(vertices):
            one_focal = float(focal if isinstance(focal, float) else focal[number])
            one_center = center if isinstance(focal, float) else center[number].numpy()
            expected = rasterizer.project(expected, one_focal, one_center)
            assert np.isnan(expected).any()
            np.testing.assert_allclose(pixels[number].detach().numpy(), expected, rtol=1e-6)
        pixels.nansum().backward()
        assert torch.isfinite(tensor.grad).all()
        assert (tensor.grad[vertices[..., 2] <= rasterizer.NEAR_PLANE] == 0).all()


@pytest.mark.bench
def test_four_bodies_there_and_back_cost_less_than_60_ms_of_one_core(body, one_thread):
    twin, renderer = TorchBodyModel(body), SoftSilhouette(body.faces)
    inputs = [tensor.float().requires_grad_() for tensor in parameters(4)]

    def there_and_back():
        betas, angles, transl = inputs
        posed = twin(betas, torch_axis_angle_to_matrix(angles), transl)
        landmarks = posed.vertices[:, torch.as_tensor(body.keypoint_vertices)]
        keypoints = torch.stack(keypoints_from_joints(posed.joints, landmarks), 1)
        points, pixels = (project(place * TO_CAMERA, 96.0, np.full(2, 31.5)) for place in (posed.vertices, keypoints))
        (renderer(points).square().sum() + pixels.square().sum()).backward()

    times = []
    for _ in range(12):
        began = time.process_time()
        there_and_back()
        times.append(1e3 * (time.process_time() - began))
    print(f"\n{np.median(times):.0f} ms of processor time, at best {min(times):.0f}")
    assert min(times) < 60
