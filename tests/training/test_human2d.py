"""Human2D's training: losses, learning, resuming, and the exported file."""

import csv
import itertools
import json
import math
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from body_from_image.inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_MIRROR, LIMB_KEYPOINTS  # noqa: E402
from body_from_image.training.data.photos2d import (  # noqa: E402
    LabelledCrop,
    combined_keypoints,
    exchanged,
    load_crops,
    taught_keypoints,
)
from body_from_image.training.human2d import average, losses, samples, train  # noqa: E402
from body_from_image.training.human2d.augmentation import Augmentation, change_appearance, training_sample  # noqa: E402
from body_from_image.training.human2d.company import with_somebody_else  # noqa: E402
from body_from_image.training.human2d.export import (  # noqa: E402
    INPUTS,
    OUTPUTS,
    Shipped,
    calibration_curve,
    example_of,
)
from body_from_image.training.human2d.fast import Context, FastHuman2D  # noqa: E402
from body_from_image.training.human2d.hourglass import StackedHourglass  # noqa: E402
from body_from_image.training.human2d.outputs import heatmap_probabilities  # noqa: E402
from body_from_image.training.human2d.prompts import drawn_prompt  # noqa: E402
from body_from_image.training.measure import keypoints2d  # noqa: E402
from body_from_image.training.runs import precision, several_processes  # noqa: E402
from body_from_image.training.runs.onnx_export import export, load_weights  # noqa: E402

TINY = {"batch": 2, "warmup": 1, "packs": "photos2d"}


def test_a_sure_and_right_heatmap_costs_only_the_targets_own_entropy():
    points = torch.tensor([[[20.0, 30.0]]])
    target = losses.gaussian_targets(points, 64, 64)
    probability = target / target.sum()
    logits = torch.log(probability.clamp_min(1e-12)) + math.log(4096) + 8
    one = torch.ones(1, 1)
    entropy = -(probability * torch.log(probability.clamp_min(1e-12))).sum()
    assert losses.position_cross_entropy(logits, points, one, one).item() == pytest.approx(entropy.item(), abs=0.01)


def test_a_joint_outside_wants_no_heatmap_at_all():
    points, labelled, inside = torch.tensor([[[90.0, 30.0]]]), torch.ones(1, 1), torch.zeros(1, 1)
    nothing, something = torch.full((1, 1, 64, 64), -9.0), torch.full((1, 1, 64, 64), 3.0)
    assert losses.position_cross_entropy(nothing, points, labelled, inside) < 0.01
    assert losses.position_cross_entropy(something, points, labelled, inside) > 2


@pytest.mark.parametrize("name", losses.HEATMAP_LOSSES)
def test_gradients_are_those_of_finite_differences(name):
    loss, _ = losses.HEATMAP_LOSSES[name]
    torch.manual_seed(0)
    logits = torch.randn(1, 2, 8, 8, requires_grad=True)
    points = torch.tensor([[[2.0, 5.0], [30.0, 1.0]]])
    labelled, inside = torch.ones(1, 2), torch.tensor([[1.0, 0.0]])
    loss(logits, points, labelled, inside).backward()
    step = 1e-2
    for index in ((0, 0, 5, 2), (0, 0, 0, 0), (0, 1, 3, 3)):
        ends = []
        for sign in (1, -1):
            moved = logits.detach().clone()
            moved[index] += sign * step
            ends.append(loss(moved, points, labelled, inside).item())
        assert logits.grad[index].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=2e-4)


def test_probabilities_leave_room_for_nowhere():
    ignorant = heatmap_probabilities(torch.zeros(1, 1, 16, 16)).sum().item()
    assert ignorant == pytest.approx(0.5)
    assert heatmap_probabilities(torch.full((1, 1, 16, 16), -20.0)).sum().item() < 1e-3


def test_depth_is_learnt_where_a_keypoint_is_and_only_where_it_is_known():
    points = torch.tensor([[[10.0, 12.0], [3.0, 3.0]]])
    known, inside = torch.tensor([[[0.2, 1.0], [0.5, 0.0]]]), torch.ones(1, 2)
    depth = torch.zeros(1, 2, 16, 16, requires_grad=True)
    loss = losses.depth_error(depth, points, known, inside)
    assert loss.item() == pytest.approx(0.2, abs=1e-4)
    loss.backward()
    assert depth.grad[0, 0].flatten().abs().argmax() == 12 * 16 + 10 and not depth.grad[0, 1].any()
    assert losses.depth_error(torch.full((1, 2, 16, 16), 0.2), points, known, inside) < 1e-4


def test_depth_goes_with_the_crop_and_its_mirror_image(packs):
    example = load_crops("train")[0]
    depth = np.column_stack([np.arange(25.0), np.ones(25)]).astype(np.float32)
    sample = training_sample(replace(example, depth=depth), 128, Augmentation(cut_off=0), np.random.default_rng(0))
    side = depth[:, 0].max() / sample["depth"][:, 0].max()
    orders = [np.arange(25), KEYPOINT_MIRROR]
    assert any(np.allclose(sample["depth"][:, 0], depth[order, 0] / side) for order in orders)
    assert 60 < side < 700


def test_what_moves_and_what_stays_of_the_pretrained_network():
    model = FastHuman2D()
    names = {id(parameter): name for name, parameter in model.named_parameters()}

    def learning(**options):
        optimizer = train.make_optimizer(model, train.Config(**options))
        return {group["of_rate"]: {names[id(p)] for p in group["params"]} for group in optimizer.param_groups}

    groups = learning(frozen_blocks=6, pretrained_rate=0.2)
    assert {name.split(".")[0] for name in groups[0.2]} == {"movenet"}
    assert "movenet.backbone.blocks.6.expand.weight" in groups[0.2]
    assert not any(name.startswith(("movenet.backbone.stem", "movenet.backbone.blocks.5.")) for name in groups[0.2])
    assert "head.1.weight" in groups[1.0] and not any(name.startswith("movenet") for name in groups[1.0])
    assert list(learning(pretrained_rate=0.0)) == [1.0]


def test_weights_between_two_runs(tmp_path):
    before = {"weight": torch.zeros(3), "count": torch.tensor(1)}
    after = {"weight": torch.ones(3), "count": torch.tensor(9)}
    torch.save(before, tmp_path / "a.pt")
    torch.save(after, tmp_path / "b.pt")
    files = ["--before", str(tmp_path / "a.pt"), "--after", str(tmp_path / "b.pt"), "--out", str(tmp_path / "c.pt")]
    average.main([*files, "--share", "0.3"])
    between = torch.load(tmp_path / "c.pt", weights_only=True)
    assert torch.allclose(between["weight"], torch.full((3,), 0.3)) and between["count"] == 9
    with_more = average.average(before, after | {"prompted": torch.ones(2)}, 0.5)
    assert torch.equal(with_more["prompted"], torch.ones(2)), "what is new is not halved"
    with pytest.raises(ValueError, match="weight"):
        average.average(before, {"count": torch.tensor(9)}, 0.5)


def test_a_teacher_fills_gaps_and_lowers_labels_that_it_contradicts():
    human = np.zeros((25, 3), np.float32)
    human[:16] = np.column_stack([np.linspace(0, 100, 16), np.linspace(0, 160, 16), np.ones(16)])
    human[KEYPOINT_INDEX["left_wrist"]] = 0
    taught = human.copy()
    taught[KEYPOINT_INDEX["left_wrist"]] = [70, 80, 1]
    taught[KEYPOINT_INDEX["nose"]] = [50, 10, 1]
    taught[KEYPOINT_INDEX["left_knee"], :2] += 60
    taught[KEYPOINT_INDEX["right_knee"], 2] = 0
    combined = combined_keypoints(human, taught)
    names = ("left_wrist", "nose", "left_knee", "right_knee", "left_ear")
    weights = [float(combined[KEYPOINT_INDEX[name], 2]) for name in names]
    assert weights == pytest.approx([0.6, 0.6, 0.2, 1.0, 0.0])
    assert np.array_equal(combined[KEYPOINT_INDEX["left_knee"], :2], human[KEYPOINT_INDEX["left_knee"], :2])


def test_labels_of_the_wrong_side_are_found():
    rng = np.random.default_rng(0)
    human = np.column_stack([rng.uniform(0, 200, (25, 2)), np.ones(25)]).astype(np.float32)
    assert exchanged(human, human[KEYPOINT_MIRROR]) and not exchanged(human, human)
    assert not exchanged(human * [1, 1, 0], human)


def test_a_picture_without_a_person_says_nowhere(packs):
    example = samples.without_person(np.full((90, 120, 3), 80, np.uint8))
    sample = training_sample(example, 128, Augmentation(), np.random.default_rng(0))
    assert sample["labelled"].all() and not sample["inside"].any() and sample["somebody"] == 0
    assert sample["has_silhouette"] == 1 and not sample["silhouette"].any()


def test_what_the_picture_cuts_off_is_nowhere(packs):
    """Keypoints beyond the picture's end keep their label, which says that they have no place, wherever that would
    be."""
    example, rng = load_crops("train")[0], np.random.default_rng(1)
    always = Augmentation(appearance=False, truncation=0, far=0, cut_off=1.0)
    beyond = 0
    for _ in range(20):
        sample = training_sample(example, 128, always, rng)
        assert sample["labelled"].sum() == (example.keypoints[:, 2] > 0).sum()
        within = ((sample["points"] > -0.5) & (sample["points"] < 31.5)).all(1)
        assert not (sample["inside"] > within).any()
        beyond += int((within & (sample["labelled"] > 0) & (sample["inside"] == 0)).sum())
    assert beyond > 20


def test_somebody_else_hides_and_is_hidden():
    """Before the person: what they hide is no longer theirs; behind: nothing of the person changes."""
    rng, image = np.random.default_rng(0), np.full((200, 200, 3), 60, np.uint8)
    mask, keypoints = np.zeros((200, 200), np.uint8), np.zeros((25, 3), np.float32)
    mask[40:180, 80:120] = 255
    keypoints[:, :2], keypoints[:, 2] = rng.uniform((82, 42), (118, 178), (25, 2)), 1
    person = LabelledCrop(1, 0, image, keypoints, mask, True)
    other = LabelledCrop(2, 0, np.full((200, 200, 3), 220, np.uint8), keypoints, mask, True)
    hidden = 0
    for _ in range(40):
        made = with_somebody_else(person, [person, other], rng)
        theirs = made.image[..., 0] > 150
        assert not (theirs & (made.mask > 0)).any()
        lost = made.keypoints[:, 2] < 1
        x, y = np.round(made.keypoints[:, :2]).astype(int).T
        assert theirs[y[lost], x[lost]].all()
        assert made.mask.sum() >= 0.4 * mask.sum()
        hidden += lost.sum()
    assert hidden > 20


def test_prompts_are_near_what_they_tell():
    rng = np.random.default_rng(0)
    keypoints = np.column_stack([rng.uniform(0, 100, (25, 2)), rng.random(25) < 0.8]).astype(np.float32)
    told = np.stack([drawn_prompt(keypoints, rng) for _ in range(400)])
    known = told[..., 2] > 0
    assert not known[:, keypoints[:, 2] == 0].any(1).sum() > 40, "only exchanged ones tell of what has no label"
    assert 0.2 < (~known.any(1)).mean() < 0.4
    errors = np.linalg.norm(told[..., :2] - keypoints[:, :2], axis=-1)[known]
    assert np.median(errors) < 4 and np.percentile(errors, 99) > 10


def test_a_teacher_is_heard_only_on_what_it_sees():
    landmarks = np.zeros((33, 4), np.float32)
    landmarks[[17, 19]] = [[10, 20, 0.9, 0], [14, 24, 0.9, 0]]
    landmarks[[18, 20]] = [[30, 20, 0.9, 0], [34, 24, 0.3, 0]]
    taught = taught_keypoints(landmarks)
    assert np.allclose(taught[KEYPOINT_INDEX["left_knuckles"]], [12, 22, 1])
    assert taught[KEYPOINT_INDEX["right_knuckles"], 2] == 0


def test_augmented_keypoints_stay_on_what_they_mark(packs):
    """Each keypoint's pixel colour in the crop is that of its limb, however the crop is turned, flipped and scaled."""
    example = load_crops("train")[0]
    gentle = Augmentation(appearance=False, truncation=0)
    rng = np.random.default_rng(0)
    for _ in range(20):
        sample = training_sample(example, 256, gentle, rng)
        crop = sample["crop"].transpose(1, 2, 0)
        for joint in LIMB_KEYPOINTS:
            if sample["inside"][joint]:
                x, y = np.clip(np.round((sample["points"][joint] + 0.5) * 4 - 0.5).astype(int), 0, 255)
                around = crop[max(y - 4, 0) : y + 5, max(x - 4, 0) : x + 5]
                assert around.max() > 150, f"keypoint {joint} lies on the background"
        ends = sample["silhouette"][sample["silhouette"] > 0.5].size
        assert ends > 20


def test_only_as_many_samples_are_erased_as_asked():
    grey = np.full((128, 128, 3), 128, np.uint8)

    def erased(share):
        # Noise, the only other change to a grey picture that depends on the place, deviates by less.
        return sum(
            change_appearance(grey, share, np.random.default_rng(seed)).std((0, 1)).max() > 16 for seed in range(60)
        )

    assert erased(0.0) == 0 and erased(1.0) > 40 and 5 < erased(0.3) < 30


def test_a_run_learns_resumes_and_leaves_its_papers(packs, tmp_path):
    folder = tmp_path / "run"
    train.train(train.Config(stages="64:6,128:1", **TINY), folder, workers=0, log_every=2)
    first = train.Run(train.Config(stages="64:6,128:1", **TINY), folder)
    assert first.iteration == 7
    papers = {"config.json", "log.csv", "metrics.json", "checkpoint.pt", "weights.pt"}
    assert {file.name for file in folder.iterdir()} == papers
    rows = list(csv.DictReader((folder / "log.csv").read_text().splitlines()))
    assert [row["iteration"] for row in rows] == ["2", "4", "6"] and all(float(row["loss"]) > 0 for row in rows)
    assert json.loads((folder / "metrics.json").read_text())["loss"] == float(rows[-1]["loss"])
    train.train(train.Config(stages="64:6,128:2", **TINY), folder, workers=0, log_every=2)
    assert train.Run(train.Config(stages="64:6,128:2", **TINY), folder).iteration == 8


def test_a_run_by_the_clock_ends_in_time_with_a_rate_of_nothing(packs, tmp_path, monkeypatch):
    """By a clock that goes on by half a second an iteration."""
    ticks = itertools.count()
    monkeypatch.setattr(train, "time", SimpleNamespace(perf_counter=lambda: next(ticks) / 2))
    config = train.Config(stages="64:3,128:1", minutes=4 / 60, **TINY)
    run = train.train(config, tmp_path / "run", workers=0, log_every=1000)
    assert run.done == 1 and run.seconds == 4 and run.iteration == 8
    assert train.Run(config, tmp_path / "run").seconds == run.seconds, "what is resumed knows how long it has taken"
    rates = [train.rate_factor(config, 1000, done) for done in (0.2, 0.75, 0.875, 1.0)]
    assert rates == pytest.approx([1, 1, 0.5, 0])


def test_what_stays_frozen_is_rounded_before_the_rest_learns(packs, tmp_path):
    run = train.Run(train.Config(pretrained_rate=0, packs="photos2d"), tmp_path / "run")
    large = [
        module for module in run.model.movenet.modules()
        if isinstance(module, torch.nn.Conv2d) and module.groups == 1 and module.weight.numel() >= 16384
    ]  # fmt: skip
    assert large
    for weight in (module.weight for module in large):
        steps = weight.abs().amax((1, 2, 3), keepdim=True) / 127
        assert torch.allclose(weight / steps, (weight / steps).round(), atol=1e-3)
    averages = zip(run.model.parameters(), run.average.model.parameters(), strict=True)
    assert all(torch.equal(own, average) for own, average in averages)


def test_context_begins_as_nothing_and_reaches_over_the_whole_picture():
    torch.manual_seed(0)
    context = Context(16).eval()
    x, logits = torch.randn(1, 16, 16, 16), torch.randn(1, 15, 64, 64)
    prompts = torch.rand(1, 25, 3)
    assert torch.equal(context(x, logits, prompts), x)
    for block in context.blocks:
        torch.nn.init.normal_(block.narrow.weight, std=0.3)
    changed = x.clone()
    changed[0, :, 8, 8] += 5
    moved = (context(changed, logits, prompts) - context(x, logits, prompts)).abs().amax((0, 1)) > 1e-6
    assert moved[8].sum() == 16 and moved[:, 8].sum() == 16


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--loss", "squared"], "choose from"),
        (["--augmentation", "none"], "choose from"),
        (["--stages", "128"], "names no stages"),
        (["--stages", "128:many"], "names no stages"),
    ],
)
def test_wrong_options_end_in_a_sentence(options, said, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        train.main([*options, "--out", str(tmp_path)])
    assert end.value.code == 2 and said in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_two_processes_train_one_network(packs, tmp_path):
    """Each draws its own samples; one writes, and what it writes is what both have: the run goes on from it."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m"]
    options = ["--stages", "64:3", "--batch", "4", "--workers", "0", "--threads", "1", "--out", str(tmp_path / "run")]
    subprocess.run([*command, "body_from_image.training", "human2d", *options, "--packs", "photos2d"], check=True)
    config = train.Config(stages="64:3", batch=4, packs="photos2d")
    run = train.Run(config, tmp_path / "run")
    assert run.iteration == 3 and run.share.count == 1
    alone = train.Run(config, tmp_path / "alone")
    moved = [(a - b).abs().max() for a, b in zip(run.model.parameters(), alone.model.parameters(), strict=True)]
    assert 0 < max(moved) < 0.1


def test_gradients_of_several_processes_are_averaged(monkeypatch):
    """With a stand-in for the other process, whose gradients are all 3."""
    model = torch.nn.Linear(2, 1)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    monkeypatch.setattr(several_processes.distributed, "all_reduce", lambda together: together.add_(3))
    several_processes.average_gradients(model, several_processes.Share(0, 2))
    assert all(torch.equal(parameter.grad, torch.full_like(parameter, 2)) for parameter in model.parameters())


@pytest.mark.parametrize("capable", [True, False])
def test_bfloat16_is_used_only_where_the_processor_has_it(capable, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_bf16": capable})
    precision.has_bfloat16.cache_clear()
    with precision.mixed_precision():
        made = torch.nn.Linear(2, 2)(torch.ones(1, 2))
    precision.has_bfloat16.cache_clear()
    assert made.dtype == (torch.bfloat16 if capable else torch.float32)


def test_the_exported_file_answers_as_torch_does(tmp_path):
    torch.manual_seed(0)
    for network, names in ((StackedHourglass(32), OUTPUTS[:3]), (FastHuman2D(), OUTPUTS)):
        shipped = Shipped(network.eval())
        if network.takes_prompts:
            torch.nn.init.normal_(network.pyramid.context.prompted.weight, std=0.1)
        examples = example_of(network, 2)
        path = tmp_path / "human2d.onnx"
        difference = export(shipped, examples, path, list(INPUTS[: len(examples)]), list(names), {"calibration": "{}"})
        assert difference < 2e-3
        heatmaps, silhouettes, depth, *presence = shipped(*examples)
        assert heatmaps.shape == depth.shape == (2, 25, 64, 64) and silhouettes.shape == (2, 1, 64, 64)
        assert heatmaps.sum((2, 3)).max() <= 1 + 1e-4
        assert [one.shape for one in presence] == [(2,)] * (len(names) - 3)


def test_a_prompt_says_who_is_meant():
    """MoveNet's maps are weighed by the distance from where the prompt has a keypoint, before anything is learnt."""
    torch.manual_seed(0)
    network = FastHuman2D().eval()
    nose, (crop, _) = KEYPOINT_INDEX["nose"], example_of(network)
    here, there = torch.zeros(1, 25, 3), torch.zeros(1, 25, 3)
    here[0, nose], there[0, nose] = torch.tensor([0.25, 0.5, 1.0]), torch.tensor([0.75, 0.5, 1.0])
    left, right, nothing, none = (network(crop, prompt)[0].heatmaps for prompt in (here, there, 0 * here, None))
    assert torch.equal(nothing, none)
    nearer = left[0, nose] - right[0, nose]
    assert (nearer[:, :31] > 0).all() and (nearer[:, 33:] < 0).all()
    other = KEYPOINT_INDEX["left_ankle"]
    assert torch.equal(left[0, other], right[0, other])


def test_what_ships_is_a_warm_start(tmp_path):
    """The exported file gives back the weights, to the half precision that it keeps them in."""
    torch.manual_seed(0)
    shipped, again = Shipped(StackedHourglass(32).eval()), StackedHourglass(32)
    for module in shipped.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    export(shipped, torch.rand(1, 3, 256, 256), tmp_path / "n.onnx", "crops", list(OUTPUTS[:3]), {})
    load_weights(again, tmp_path / "n.onnx", prefix="network.")
    crops = torch.rand(1, 3, 128, 128)
    for a, b in zip(shipped.network(crops)[-1], again.eval()(crops)[-1], strict=True):
        assert (a is None and b is None) or (a - b).abs().max() < 0.02
    with pytest.raises(ValueError, match="lacks"):
        load_weights(StackedHourglass(32, stacks=3), tmp_path / "n.onnx", prefix="network.")


def test_the_calibration_curve_rises_and_is_right_on_its_own_data():
    rng = np.random.default_rng(0)
    mass = rng.random((500, 25))
    errors = np.where(rng.random((500, 25)) < mass**2, 0.1, 0.5)
    curve = calibration_curve(mass, errors)
    assert np.all(np.diff(curve["confidence"]) >= 0)
    confidence = np.interp(mass, curve["mass"], curve["confidence"])
    assert keypoints2d.calibration_error(confidence, errors) < 0.03


def test_pck_and_iou_of_the_truth_are_one(packs):
    crops = load_crops("train")
    points = np.stack([crop.keypoints[:, :2] for crop in crops])
    assert keypoints2d.pck(keypoints2d.relative_errors(points, crops)) == 1
    assert keypoints2d.pck(keypoints2d.relative_errors(points + 60, crops)) == 0


@pytest.mark.slow
def test_twenty_pictures_can_be_learnt_by_heart(packs, tmp_path):
    run = train.train(
        train.Config(stages="128:250,128:150", size="hourglass", learning_rate=2e-3, overfit=8, batch=8, warmup=20),
        tmp_path,
        workers=0,
    )
    crops = load_crops("train", limit=8)
    shipped = Shipped(run.average.model.eval())

    def answer(images):
        with torch.no_grad():
            return [output.numpy() for output in shipped(torch.from_numpy(images))]

    points, _, _ = keypoints2d.predict(answer, crops)
    assert keypoints2d.pck(keypoints2d.relative_errors(points, crops)) > 0.95
