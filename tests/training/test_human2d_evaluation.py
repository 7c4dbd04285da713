"""Human2D's evaluation: metrics against examples worked out by hand, scenes whose truth is known, and the whole
command on a tiny network."""

import itertools
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from body_from_image.inference.files.images import read_image  # noqa: E402
from body_from_image.inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_NAMES, LIMB_KEYPOINTS  # noqa: E402
from body_from_image.training.data import photos2d  # noqa: E402
from body_from_image.training.data.photos2d import LabelledCrop  # noqa: E402
from body_from_image.training.human2d.evaluation import (  # noqa: E402
    answers,
    beside,
    breakdown,
    command,
    compositions,
    cut_off,
    finding,
    methods,
    report,
    thresholds,
)  # fmt: skip
from body_from_image.training.human2d.export import AS_IT_IS, OUTPUTS, Shipped, export_human2d  # noqa: E402
from body_from_image.training.human2d.hourglass import StackedHourglass  # noqa: E402
from body_from_image.training.human2d.network import human2d_network  # noqa: E402
from body_from_image.training.measure import keypoints2d  # noqa: E402
from body_from_image.training.runs.onnx_export import export  # noqa: E402

from ..conftest import EXAMPLE  # noqa: E402

STANDING = {
    "right_ankle": (40, 110), "right_knee": (42, 85), "right_hip": (44, 60), "left_hip": (56, 60),
    "left_knee": (58, 85), "left_ankle": (60, 110), "pelvis": (50, 60), "thorax": (50, 30), "upper_neck": (50, 28),
    "head_top": (50, 8), "right_wrist": (28, 62), "right_elbow": (32, 45), "right_shoulder": (36, 30),
    "left_shoulder": (64, 30), "left_elbow": (68, 45), "left_wrist": (72, 62),
}  # fmt: skip
"""Somebody who faces the camera. The torso, left shoulder to right hip, is √(20² + 30²) = 36.06 pixels long."""
TORSO = 36.0555


def person(mask: np.ndarray | None = None, without: tuple[str, ...] = ()) -> LabelledCrop:
    keypoints = np.zeros((len(KEYPOINT_NAMES), 3), np.float32)
    for name, place in STANDING.items():
        keypoints[KEYPOINT_INDEX[name]] = (*place, name not in without)
    return LabelledCrop(0, 0, np.zeros((124, 100, 3), np.uint8), keypoints, mask, mask is not None)


def moved(crop: LabelledCrop, **places: tuple[float, float]) -> np.ndarray:
    """The true points (25, 2), but for some that lie elsewhere."""
    points = crop.keypoints[:, :2].astype(float)
    for name, place in places.items():
        points[KEYPOINT_INDEX[name]] = place
    return points


def answer(box=None, score: float = 0.5, found: bool = True, points: np.ndarray | None = None) -> answers.Answer:
    keypoints = np.zeros((len(KEYPOINT_NAMES), 3))
    keypoints[:, :2] = 0 if points is None else points
    return answers.Answer(keypoints, np.zeros((124, 100), bool), box, score, score, found)


class TestMetrics:
    def test_pck_is_a_share_of_limb_joints_within_a_fifth_of_the_torso(self):
        crop = person()
        # .2 torso is 7.21 pixels: the ankle is right at 7 off, the wrist wrong at 8; the head is no limb.
        points = moved(crop, left_ankle=(67, 110), left_wrist=(80, 62), head_top=(0, 0))
        assert keypoints2d.pck(keypoints2d.relative_errors(points[None], [crop])) == pytest.approx(11 / 12)

    def test_pck_leaves_out_what_is_not_labelled_and_pictures_without_a_torso(self):
        no_wrist, no_hip = person(without=("left_wrist",)), person(without=("right_hip",))
        points = np.stack([moved(no_wrist, left_ankle=(0, 0), left_wrist=(0, 0)), moved(no_hip, left_knee=(0, 0))])
        assert keypoints2d.pck(keypoints2d.relative_errors(points, [no_wrist, no_hip])) == pytest.approx(10 / 11)

    def test_of_the_box_it_needs_no_torso(self):
        crop = person(without=("right_hip",))
        # The box is 102 pixels high (8 … 110): 10 off is right and 11 wrong.
        points = moved(crop, left_ankle=(70, 110), left_wrist=(83, 62))
        errors = keypoints2d.relative_errors(points[None], [crop], keypoints2d.box_lengths)
        assert keypoints2d.pck(errors, threshold=0.1) == pytest.approx(10 / 11)

    def test_pckh_takes_half_the_head(self):
        crop = person()
        # Neck to head top is 20 pixels: 9 off is right and 11 wrong.
        points = moved(crop, left_ankle=(69, 110), left_wrist=(83, 62))
        errors = keypoints2d.relative_errors(points[None], [crop], keypoints2d.head_lengths)
        assert keypoints2d.pck(errors, threshold=0.5) == pytest.approx(11 / 12)

    def test_somebody_who_is_not_found_is_all_wrong(self):
        crop = person()
        points = answers.points([answer(points=moved(crop), found=False), answer(points=moved(crop))])
        assert keypoints2d.pck(keypoints2d.relative_errors(points, [crop, crop])) == 0.5

    def test_iou_of_two_halves_that_share_a_quarter(self):
        truth, found = np.zeros((124, 100), np.uint8), np.zeros((124, 100), bool)
        truth[:, :50], found[:, 25:75] = 255, True
        assert keypoints2d.silhouette_iou([found], [person(truth)]) == pytest.approx(1 / 3)
        assert np.isnan(keypoints2d.silhouette_iou([found], [person()]))

    def test_reliability_by_hand(self):
        confidence = np.array([[0.92, 0.98, 0.15, 0.15, 0.5]])
        errors = np.array([[0.1, 0.3, 0.5, 0.6, np.nan]])
        low, high = keypoints2d.reliability(confidence, errors)
        assert (low.low, low.count, low.right) == (0.1, 2, 0.0) and low.confidence == pytest.approx(0.15)
        assert (high.low, high.count, high.right) == (0.9, 2, 0.5) and high.confidence == pytest.approx(0.95)
        assert keypoints2d.calibration_error(confidence, errors) == pytest.approx((0.15 + 0.45) / 2)


class TestKindsOfErrors:
    @pytest.mark.parametrize(
        ("kind", "places"),
        [
            ("right", {"left_knee": (60, 85)}),
            ("imprecise", {"left_knee": (68, 85)}),
            ("left and right on one limb", {"left_knee": (43, 85)}),
            ("on the mirror joint", {"left_knee": (41, 85), "right_knee": (57, 85)}),
            ("on another joint", {"left_knee": (62, 109)}),
            ("elsewhere", {"left_knee": (76, 85)}),
            ("outside the box", {"left_knee": (200, 85)}),
            ("not found", {"left_knee": (np.inf, np.inf)}),
        ],
    )
    def test_a_knee_goes_wrong_in_each_way(self, kind, places):
        crop = person()
        kinds = breakdown.kinds_of_errors(moved(crop, **places)[None], [crop])[0]
        knee = list(LIMB_KEYPOINTS).index(KEYPOINT_INDEX["left_knee"])
        assert breakdown.KINDS[kinds[knee]] == kind
        assert (np.delete(kinds, knee) == 0).sum() >= 10

    def test_shares_are_of_what_is_known(self):
        crop = person(without=("left_wrist",))
        shares = breakdown.shares_of_kinds(moved(crop, left_knee=(200, 85))[None], [crop])
        assert shares["outside the box"] == pytest.approx(1 / 11) and shares["right"] == pytest.approx(10 / 11)

    def test_groups_know_front_from_behind_and_up_from_down(self):
        facing, behind, inverted = person(), person(), person()
        behind.keypoints[:, 0] = 100 - behind.keypoints[:, 0]
        inverted.keypoints[:, :2] = 120 - inverted.keypoints[:, :2]
        groups = breakdown.groups_of_poses([facing, behind, inverted])
        assert groups["from the front"].tolist() == [True, False, True]
        assert groups["from behind"].tolist() == [False, True, False]
        assert groups["torso upright (tilted < 30°)"].tolist() == [True, True, False]
        assert groups["torso upside down (> 120°)"].tolist() == [False, False, True]


class TestFinding:
    BOX, AWAY = np.array([10.0, 10, 40, 80]), np.array([60.0, 10, 40, 80])

    def scenes(self, count: int) -> list[compositions.Scene]:
        mask = np.zeros((124, 100), np.uint8)
        mask[10:90, 10:50] = 255
        crop = person(mask, without=tuple(STANDING))
        return [compositions.Scene(crop, 0.2, self.AWAY) for _ in range(count)]

    def test_found_missed_and_taken_for_another(self):
        half = np.array([10.0, 10, 40, 40])
        said = [answer(self.BOX), answer(half), answer(self.AWAY), answer(self.BOX, found=False)]
        result = finding.finding(said, self.scenes(4))
        assert result.found == 0.5 and result.other == 0.25 and result.overlap == pytest.approx(1.5 / 4)

    def test_thresholds_refuse_the_right_and_the_wrong(self):
        said = [answer(self.BOX, 0.3), answer(self.BOX, 0.7), answer(self.AWAY, 0.5), answer(None, 0.2)]
        empty = [answer(None, 0.1), answer(self.BOX, 0.45)]
        low, high = finding.refusals(said, self.scenes(4), empty, np.array([0.25, 0.6]))
        assert (low.missed, low.wrong, low.false_alarms) == (0.0, 0.25, 0.5)
        assert (high.missed, high.wrong, high.false_alarms) == (0.25, 0.0, 0.0)

    def test_the_score_is_told_apart_by_how_good_the_keypoints_are(self):
        crop = person()
        wrong = moved(crop, **dict.fromkeys(STANDING, (500.0, 500.0)))
        said = [answer(score=0.85, points=moved(crop)), answer(score=0.15, points=wrong)]
        low, high = finding.meaning_of_score(said, [crop, crop], np.array([0.0, 0.5]))
        assert (low.count, low.pck, low.bad) == (1, 0.0, 1.0) and (high.count, high.pck, high.bad) == (1, 1.0, 0.0)


class TestScenes:
    def cut_out(self, colour: tuple[int, int, int]) -> LabelledCrop:
        crop = person(np.zeros((124, 100), np.uint8))
        crop.mask[8:112, 28:73] = 255
        crop.image[:] = colour
        return crop

    @pytest.mark.parametrize("height", compositions.HEIGHTS)
    def test_the_person_is_where_the_truth_says(self, height):
        rng = np.random.default_rng(int(10 * height))
        background = np.full((480, 640, 3), 90, np.uint8)
        made = compositions.scene(background, self.cut_out((250, 30, 30)), height, self.cut_out((30, 30, 250)), rng)
        red = (made.picture.image[..., 0] > 170) & (made.picture.image[..., 2] < 100)
        found, truth = cv2.boundingRect(red.astype(np.uint8)), made.picture.box
        assert made.height == pytest.approx(height) and truth[3] == pytest.approx(480 * height, abs=3)
        assert np.abs(np.array(found) - truth).max() <= 4
        x, y = made.picture.keypoints[KEYPOINT_INDEX["pelvis"], :2]
        assert (x - truth[0]) / truth[2] == pytest.approx((50 - 28) / 45, abs=0.05)
        assert (y - truth[1]) / truth[3] == pytest.approx((60 - 8) / 104, abs=0.05)

    def test_others_are_smaller_and_where_their_box_says(self):
        background, seen = np.full((480, 640, 3), 90, np.uint8), 0
        for seed in range(12):
            rng = np.random.default_rng(seed)
            made = compositions.scene(background, self.cut_out((250, 30, 30)), 0.45, self.cut_out((30, 30, 250)), rng)
            if made.other is not None:
                blue = (made.picture.image[..., 2] > 170) & (made.picture.image[..., 0] < 100)
                left, top, width, height = made.other.astype(int)
                share = blue[top : top + height, left : left + width].sum()
                assert share > 0.95 * blue.sum() > 0
                assert made.other[3] < made.picture.box[3]
                seen += 1
        assert 2 <= seen <= 10


class TestPeopleWhomThePictureCutsOff:
    def cut(self) -> cut_off.CutPicture:
        """Somebody whose picture ends above the knees, ten pixels off the top."""
        picture = person()
        below = picture.keypoints[:, 1] > 70
        picture.keypoints[below, 2] = 0
        return cut_off.CutPicture(picture, below & (np.arange(25) < 16), TORSO)

    def test_what_is_left_is_judged_and_what_is_beyond_must_not_be_seen(self):
        cut = self.cut()
        claims = answer(points=moved(cut.picture, left_wrist=(0, 0)))
        claims.keypoints[KEYPOINT_INDEX["left_ankle"], 2] = 0.9
        figures = cut_off.cut_figures([claims], [cut])
        # Eight limb joints are left, one of them is wrong; one of the four beyond is claimed.
        assert (figures.count, figures.found) == (1, 1)
        assert (figures.pck, figures.made_up) == pytest.approx((7 / 8, 1 / 4))

    def test_refusing_makes_nothing_up_and_finds_nothing(self):
        cut = self.cut()
        refused = answer(points=moved(cut.picture), found=False)
        figures = cut_off.cut_figures([refused], [cut])
        assert (figures.found, figures.pck, figures.made_up) == (0, 0, 0)

    def test_pictures_end_on_the_person_and_labels_stay_on_what_they_mark(self):
        image = np.arange(124 * 100, dtype=np.uint32).view(np.uint8)[::4].reshape(124, 100)
        crop = photos2d.replace(person(), image=np.repeat(image[..., None], 3, 2))
        pictures = cut_off.cut_pictures([crop] * 30)
        assert 20 < len(pictures) <= 30
        for cut in pictures:
            height, width = cut.picture.image.shape[:2]
            assert (height, width) != (124, 100) and cut.torso == pytest.approx(TORSO, abs=1e-3)
            left = cut.picture.keypoints[:, 2] > 0
            assert left.sum() >= 4 and not (left & cut.beyond).any() and (left | cut.beyond)[:16].all()
            for (x, y, _), (u, v, _) in zip(cut.picture.keypoints[left], crop.keypoints[left], strict=True):
                assert cut.picture.image[int(y), int(x), 0] == crop.image[int(v), int(u), 0]


@pytest.fixture
def more_packs(packs, monkeypatch):
    """The tiny packs with a validation split, photos3d, panoramas and whole photos."""
    annotations = dict(np.load(packs / "photos2d" / "annotations.npz"))
    annotations["split"][:] = 1
    annotations["source"][:] = [0] * 6 + [1] * 5 + [4]
    np.savez(packs / "photos2d" / "annotations.npz", **annotations)
    solo = packs / "photos3d"
    solo.mkdir()
    (solo / "nia3d.tar").write_bytes((packs / "photos2d" / "lspet_0.tar").read_bytes())
    np.savez(solo / "annotations.npz", id=annotations["id"], joints=annotations["joints"])
    hdri = packs / "render_assets" / "hdri"
    hdri.mkdir(parents=True)
    for number in range(6):
        radiance = np.random.default_rng(number).random((256, 512, 3)).astype(np.float32)
        cv2.imwrite(str(hdri / f"{number}.hdr"), radiance)
    (packs / "photos").mkdir()
    cv2.imwrite(str(packs / "photos" / "a.jpg"), np.full((90, 120, 3), 120, np.uint8))
    return packs


def test_places_of_the_splits_are_apart(more_packs):
    splits = [compositions.places(split) for split in ("train", "calibration", "validation")]
    assert [len(places) for places in splits] == [2, 2, 2]
    every = [place for places in splits for place in places]
    assert not any(np.array_equal(one, other) for one, other in itertools.combinations(every, 2))


def test_scenes_are_the_same_each_time(more_packs):
    first, again = compositions.compose("validation", 1), compositions.compose("validation", 1)
    assert len(first) == 2 * len(compositions.HEIGHTS)
    assert all(np.array_equal(a.picture.image, b.picture.image) for a, b in zip(first, again, strict=True))


FAKE_MEDIAPIPE = """
import numpy as np
class Mark:
    def __init__(self, number):
        self.x, self.y, self.visibility, self.z = number / 64, 0.5, 0.9, 0.0
class Result:
    def __init__(self, image):
        self.pose_landmarks = None
        if image.any():
            self.pose_landmarks = type("Marks", (), {"landmark": [Mark(number) for number in range(33)]})
            self.segmentation_mask = np.zeros(image.shape[:2]); self.segmentation_mask[:, 3:7] = 0.8
class Pose:
    def __init__(self, **options):
        assert options["model_complexity"] == 1 and options["min_detection_confidence"] == 0.1
    def process(self, image):
        return Result(image)
class solutions:
    class pose:
        Pose = Pose
"""


def test_mediapipe_is_asked_in_a_python_of_its_own(tmp_path, monkeypatch):
    """The protocol, with a stand-in for the package: pixels, names, masks, and a picture without anybody."""
    (tmp_path / "mediapipe.py").write_text(FAKE_MEDIAPIPE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    images = [np.full((32, 64, 3), 9, np.uint8), np.zeros((20, 30, 3), np.uint8)]
    (one, none), milliseconds = beside.MediaPipe(sys.executable)(images)
    assert one.keypoints[KEYPOINT_INDEX["left_ankle"]].tolist() == pytest.approx([27 - 0.5, 15.5, 1])
    assert one.keypoints[KEYPOINT_INDEX["pelvis"], 0] == pytest.approx(23.5 - 0.5)
    assert one.keypoints[KEYPOINT_INDEX["head_top"], 2] == 0
    assert one.mask.sum() == 4 * 32 and one.box.tolist() == [3, 0, 4, 32]
    assert not none.found and none.mask.shape == (20, 30) and len(milliseconds) == 2


@pytest.fixture
def tiny_network(tmp_path):
    """An exported network that has learnt nothing."""
    torch.manual_seed(0)
    network, knots = tmp_path / "human2d_tiny.onnx", '{"mass": [0, 1], "confidence": [0.2, 0.9]}'
    shipped = Shipped(StackedHourglass(16).eval())
    curves = {"calibration": knots, "calibration_together": knots}
    export(shipped, torch.rand(1, 3, 256, 256), network, "crops", list(OUTPUTS[:3]), curves)
    return network


def test_the_engine_looks_twice_and_no_more(tiny_network):
    """However many people the finder sees, and wherever they lean."""
    eyes = answers.open_network(tiny_network, 1)
    picture = read_image(EXAMPLE).pixels
    for image in (picture, np.concatenate([picture, picture], 1), picture.transpose(1, 0, 2).copy()):
        counted = thresholds.Counted(eyes.human2d)
        answers.engine_in_pictures(answers.Eyes(counted, eyes.finder), [image])
        assert counted.looks == 2


@pytest.fixture
def calibration_pictures(more_packs, monkeypatch):
    """All pictures of the small packs are in the calibration split."""
    annotations = dict(np.load(more_packs / "photos2d" / "annotations.npz"))
    np.savez(more_packs / "photos2d" / "annotations.npz", **(annotations | {"split": annotations["split"] * 0}))
    monkeypatch.setattr(photos2d, "CALIBRATION_SHARE", 1)


def test_an_exported_network_knows_how_sure_one_look_is_and_several(calibration_pictures, tmp_path):
    torch.manual_seed(0)
    torch.save(human2d_network("fast").state_dict(), tmp_path / "weights.pt")
    difference, curves = export_human2d(tmp_path / "weights.pt", "fast", tmp_path / "human2d.onnx")
    assert difference < 1e-2
    metadata = answers.open_network(tmp_path / "human2d.onnx", 1).human2d.network.metadata
    assert {name: json.loads(metadata[name]) for name in curves} == curves
    assert all(np.all(np.diff(curve["confidence"]) >= 0) for curve in curves.values())
    assert curves["calibration_together"] not in (AS_IT_IS, curves["calibration"])


def test_thresholds_are_told_from_the_calibration_split(calibration_pictures, tiny_network, monkeypatch, capsys):
    monkeypatch.setattr(compositions, "HEIGHTS", (0.5,))
    eyes = answers.open_network(tiny_network, 1)
    text = thresholds.threshold_tables(eyes, each=1, limit=1)
    assert all(name in text for name in ("MIN_PRESENCE", "DOUBTFUL", "looks a picture"))
    counted = thresholds.Counted(eyes.human2d)
    answers.engine_in_pictures(answers.Eyes(counted, eyes.finder), [np.zeros((64, 64, 3), np.uint8)])
    assert counted.looks == 2


def test_the_command_writes_every_table(more_packs, tiny_network, tmp_path, monkeypatch, capsys):
    network, page = tiny_network, tmp_path / "figures.md"
    monkeypatch.setattr(compositions, "HEIGHTS", (0.5,))
    command.main(["--network", str(network), "--limit", "2", "--threads", "1", "--out", str(page)])
    text = page.read_text()
    for title in ("Keypoints and silhouettes", "Joint by joint", "What confidence means", "Kinds of errors",
                  "Finding the person", "People whom the picture's edge cuts off", "Thresholds of the score",
                  "Speed"):  # fmt: skip
        assert f"## {title}" in text
    assert "human2d_tiny, box given, one look" in text and "not measured" in text
    assert text in capsys.readouterr().out


def test_tables_show_what_is_missing_as_a_dash():
    assert report.table(["a", "b"], [["x", float("nan")], ["y", 0.25]]).endswith("| x | – |\n| y | 0.250 |\n")


def test_networks_of_one_name_are_told_apart_by_their_folders():
    files = [Path("runs/a/human2d_fast.onnx"), Path("runs/b/human2d_fast.onnx"), Path("runs/b/human2d_hourglass.onnx")]
    assert methods.names_of(files) == ["a/human2d_fast", "b/human2d_fast", "human2d_hourglass"]
