"""Keypoint files, written here as their formats' documentation shows them."""

import json

import numpy as np
import pytest
from body_from_image.inference.body.body_model import BodyModel
from body_from_image.inference.errors import NoPersonError, UserError
from body_from_image.inference.files.keypoint_files import read_keypoints
from body_from_image.inference.geometry.joints import JOINT_INDEX, KEYPOINT_INDEX
from body_from_image.inference.geometry.rotations import axis_angle_to_matrix

LEFT, MIDDLE, RIGHT = 120.0, 100.0, 80.0  # a person who faces us, 200 px tall: their left is on our right

PERSON = {
    "nose": (MIDDLE, 38), "left_eye": (103, 34), "right_eye": (97, 34), "left_ear": (107, 37), "right_ear": (93, 37),
    "left_shoulder": (LEFT, 62), "right_shoulder": (RIGHT, 62), "left_elbow": (130, 92), "right_elbow": (70, 92),
    "left_wrist": (132, 118), "right_wrist": (68, 118), "left_hip": (112, 120), "right_hip": (88, 120),
    "left_knee": (113, 165), "right_knee": (87, 165), "left_ankle": (114, 208), "right_ankle": (86, 208),
}  # fmt: skip
COCO_ORDER = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
# OpenPose's own documentation: 0 Nose, 1 Neck, 2 RShoulder … 24 RHeel. None are the points PERSON does not name.
BODY_25_ORDER = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
    "right_ear", "left_ear", "-", "-", "-", "-", "-", "-",
)  # fmt: skip
MPII_ORDER = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax", "upper_neck",
    "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
)  # fmt: skip


def coco_person(third=2, shift=0.0, scale=1.0, hidden=(), **more):
    values = []
    for name in COCO_ORDER:
        x, y = PERSON[name]
        values += [0, 0, 0] if name in hidden else [x * scale + shift, y * scale, third]
    return {"keypoints": values, **more}


def openpose_person(confidence=0.9, scale=1.0, hidden=()):
    known = {**PERSON, "neck": (MIDDLE, 62), "mid_hip": (MIDDLE, 120)}
    values = []
    for name in BODY_25_ORDER:
        x, y = known.get(name, (0, 0))
        values += [0, 0, 0] if name in hidden or name == "-" else [x * scale, y * scale, confidence]
    return {"person_id": [-1], "pose_keypoints_2d": values, "face_keypoints_2d": []}


def our_frame(**more):
    points = [[10.0 * i, 5.0 * i + 3, 0.9] for i in range(16)]
    return {"image_size": [640, 480], "keypoints": points, **more}


@pytest.fixture
def read(tmp_path):
    def write_and_read(document):
        path = tmp_path / "found.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return read_keypoints(path)

    return write_and_read


def by_name(keypoints):
    return dict(zip(MPII_ORDER, keypoints.points[: len(MPII_ORDER)], strict=True))


def test_our_own_form(read):
    (frame,) = read(our_frame())
    assert frame.points.shape == (25, 3) and frame.points.dtype == np.float32
    assert np.allclose(frame.points[:16], our_frame()["keypoints"]) and not frame.points[16:].any()
    (whole,) = read(our_frame(keypoints=[[10.0 * i, 5.0, 0.9] for i in range(25)]))
    assert np.allclose(whole.points[:, 0], 10 * np.arange(25))
    assert frame.image_size == (640, 480) and frame.people == 1 and frame.bbox is None
    frames = read([our_frame(), our_frame(bbox=[1, 2, 30, 40]), our_frame()])
    assert len(frames) == 3 and frames[1].bbox == (1, 2, 30, 40)
    assert np.allclose(read({"keypoints": np.ravel(our_frame()["keypoints"]).tolist()})[0].points, frame.points)


@pytest.mark.parametrize("person", [{"people": [openpose_person()], "version": 1.3}, [coco_person(0.9, score=0.8)]])
def test_limbs_pelvis_and_thorax_of_other_forms(read, person):
    (frame,) = read(person)
    named = by_name(frame)
    for name, (x, y) in PERSON.items():
        if name in named:
            assert np.allclose(named[name], (x, y, 0.9))
    assert np.allclose(named["pelvis"], (MIDDLE, 120, 0.9))
    assert np.allclose(named["thorax"], (MIDDLE, 62, 0.9))
    # Above the eyes, about as far as the chin is below; less sure than what was seen.
    assert 15 <= named["head_top"][1] <= 24 and abs(named["head_top"][0] - MIDDLE) < 1
    assert 45 <= named["upper_neck"][1] <= 58
    assert named["head_top"][2] == named["upper_neck"][2] == pytest.approx(0.45)
    for name in ("nose", "left_ear", "right_ear"):
        assert np.allclose(frame.points[KEYPOINT_INDEX[name]], (*PERSON[name], 0.9))
    assert frame.image_size is None


def test_missing_joints_have_no_confidence(read):
    (frame,) = read({"people": [openpose_person(hidden=("left_wrist", "right_hip", "left_shoulder"))]})
    named = by_name(frame)
    assert not named["left_wrist"].any() and not named["right_hip"].any()
    assert np.allclose(named["pelvis"], (MIDDLE, 120, 0.9))  # OpenPose's MidHip steps in
    assert np.allclose(named["thorax"], (MIDDLE, 62, 0.9))
    named = by_name(read([coco_person(hidden=("right_hip", "left_shoulder"))])[0])
    assert not named["pelvis"].any() and not named["thorax"].any() and not named["upper_neck"].any()
    assert named["head_top"][2] > 0  # the face shows which way is up
    head = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
    named = by_name(read([coco_person(hidden=head)])[0])
    assert not named["head_top"].any() and not named["upper_neck"].any()
    named = by_name(read([coco_person(hidden=head[1:])])[0])
    assert not named["head_top"].any() and named["upper_neck"][2] == 0.5


def test_coco_visibility_is_not_a_confidence(read):
    document = {
        "images": [{"id": 7, "width": 640, "height": 480, "file_name": "a.jpg"}],
        "annotations": [coco_person(1, image_id=7, bbox=[60, 10, 80, 210], iscrowd=0)],
    }
    (frame,) = read(document)
    assert frame.points[KEYPOINT_INDEX["left_knee"], 2] == 0.5
    assert frame.image_size == (640, 480) and frame.bbox == (60, 10, 80, 210)
    assert read([coco_person(2)])[0].points[KEYPOINT_INDEX["left_knee"], 2] == 1
    assert read([coco_person(1, score=0.9)])[0].points[KEYPOINT_INDEX["left_knee"], 2] == 1
    assert read([coco_person(1.7, score=0.9)])[0].points[:, 2].max() == 1


def test_the_most_prominent_of_several_people(read):
    people = [openpose_person(0.9, scale=0.4), openpose_person(0.8), openpose_person(0.1, scale=1.5)]
    (frame,) = read({"people": people})
    assert frame.people == 3
    assert np.allclose(by_name(frame)["left_knee"], (113, 165, 0.8))


def test_frames_by_image_id_in_the_order_of_images(read):
    annotations = [
        coco_person(image_id=2, shift=20),
        coco_person(image_id=1, shift=10),
        coco_person(image_id=2, scale=2),
    ]
    by_appearance = read(annotations)
    assert [frame.people for frame in by_appearance] == [2, 1]
    sizes = [{"id": number, "width": 10 * number, "height": 300} for number in (1, 2, 3)]
    frames = read({"images": sizes, "annotations": annotations})
    assert [frame.people for frame in frames] == [1, 2, 0]
    assert [frame.image_size for frame in frames] == [(10, 300), (20, 300), (30, 300)]
    assert by_name(frames[0])["left_knee"][0] == 123 and by_name(frames[1])["left_knee"][0] == 226
    assert not frames[2].points.any()


def test_a_motion_in_openpose_with_an_empty_frame(read):
    frames = read([{"people": [openpose_person()]}, {"people": []}, {"people": [openpose_person()]}])
    assert [frame.people for frame in frames] == [1, 0, 1]


@pytest.mark.parametrize("document", [{"people": []}, our_frame(keypoints=[[0, 0, 0]] * 16), [coco_person(0)]])
def test_nobody_in_the_file(read, document):
    with pytest.raises(NoPersonError, match=r"found\.json"):
        read(document)


def with_value(value):
    frame = our_frame()
    frame["keypoints"][4][1] = value
    return frame


BROKEN = {
    "empty": "",
    "white space": " \n ",
    "not JSON": "x,y,c\n1,2,3\n",
    "cut short": '{"keypoints": [[1, 2',
    "too deep": "[" * 100_000,
    "binary": "\0\1\2",
    "null": None,
    "number": 5,
    "text": '"hello"',
    "empty list": [],
    "empty object": {},
    "list of numbers": [1, 2, 3],
    "other object": {"version": 1},
    "null keypoints": {"keypoints": None},
    "no numbers": {"keypoints": []},
    "too few": our_frame(keypoints=[[1, 2, 1]] * 15),
    "pairs": our_frame(keypoints=[[1, 2]] * 16),
    "ragged": our_frame(keypoints=[[1, 2, 1]] * 15 + [[1, 2]]),
    "mixed": our_frame(keypoints=[[1, 2, 1]] * 15 + [1, 2, 1]),
    "NaN": with_value(float("nan")),
    "infinite": with_value(float("inf")),
    "enormous": with_value(1e9),
    "beyond floats": with_value(10**400),
    "null value": with_value(None),
    "text value": with_value("12"),
    "true": with_value(True),
    "list value": with_value([1]),
    "confidence above 1": our_frame(keypoints=[[1, 2, 1.5]] * 16),
    "negative confidence": our_frame(keypoints=[[1, 2, -0.5]] * 16),
    "fractions": our_frame(keypoints=[[0.1 * i, 0.5, 1] for i in range(10)] + [[0, 0, 0]] * 6),
    "image size": our_frame(image_size=[640]),
    "zero size": our_frame(image_size=[640, 0]),
    "NaN size": our_frame(image_size=[640, float("nan")]),
    "bbox": our_frame(bbox=[1, 2, 3]),
    "empty bbox": our_frame(bbox=[1, 2, 0, 5]),
    "people": {"people": "many"},
    "person": {"people": [5]},
    "OpenPose with 18 points": {"people": [{"pose_keypoints_2d": [1.0] * 54}]},
    "OpenPose without points": {"people": [{"pose_keypoints_2d": []}]},
    "annotations": {"annotations": 5},
    "annotation": {"annotations": [5]},
    "no image id": {"annotations": [coco_person()]},
    "list as image id": {"annotations": [coco_person(image_id=[1])]},
    "images": {"annotations": [], "images": [5]},
    "no annotations": {"annotations": []},
    "COCO image size": {"annotations": [], "images": [{"id": 1, "width": "wide", "height": 2}]},
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_files_are_refused_in_a_sentence(read, kind):
    document = BROKEN[kind]
    with pytest.raises(UserError, match=r"found\.json.*\.$") as caught:
        read("null" if document is None else document)
    assert len(str(caught.value)) < 400


def test_the_broken_frame_is_named(read):
    with pytest.raises(UserError, match=r"found\.json, frame 2:"):
        read([our_frame(), with_value(None), our_frame()])
    with pytest.raises(UserError, match="frame 3"):
        read([coco_person(image_id=i) for i in (1, 2)] + [{"image_id": 3, "keypoints": [1, 2]}])


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UserError, match=str(path)):
            read_keypoints(path)


def test_byte_order_mark(tmp_path):
    path = tmp_path / "bom.json"
    path.write_text(json.dumps(our_frame()), encoding="utf-8-sig")
    assert len(read_keypoints(path)) == 1


def test_head_top_and_neck_are_where_the_body_has_them(read):
    """COCO's points of posed bodies, facing and turned away, against the body's own neck and top of the head."""
    body = BodyModel.load()
    random = np.random.default_rng(3)
    count = 60
    axis_angles = random.normal(0, 0.12, (count, 24, 3))
    axis_angles[:, 0] = np.linspace(-np.pi, np.pi, count)[:, None] * [0, 1, 0]
    posed = body.pose(random.normal(size=(count, 10)).astype(np.float32), axis_angle_to_matrix(axis_angles))
    landmark = {"nose": "nose", "left_eye": "leye", "right_eye": "reye", "left_ear": "lear", "right_ear": "rear"}
    frames, truth = [], []
    for vertices, joints in zip(posed.vertices, posed.joints, strict=True):
        face = vertices[body.landmarks["nose"]] - (vertices[583] + vertices[4071]) / 2  # from between the ears
        values = []
        for name in COCO_ORDER:
            point = vertices[body.landmarks[landmark[name]]] if name in landmark else joints[JOINT_INDEX[name]]
            hidden = name in ("nose", "left_eye", "right_eye") and face[2] < 0
            values += [0, 0, 0] if hidden else [500 + 300 * float(point[0]), 500 - 300 * float(point[1]), 0.9]
        frames.append({"keypoints": values, "score": 1.0})
        truth.append([joints[JOINT_INDEX["neck"]], vertices[body.head_top]])
    found = np.stack([frame.points for frame in read(frames)])[
        :, [KEYPOINT_INDEX["upper_neck"], KEYPOINT_INDEX["head_top"]]
    ]
    truth = np.stack(truth)
    length = np.linalg.norm(truth[:, 1] - truth[:, 0], axis=-1) * 300
    expected = np.stack([500 + 300 * truth[..., 0], 500 - 300 * truth[..., 1]], -1)
    error = np.linalg.norm(found[..., :2] - expected, axis=-1) / length[:, None]
    assert error[:, 0].mean() < 0.15 and error[:, 1].mean() < 0.2
    assert error.max() < 0.6
