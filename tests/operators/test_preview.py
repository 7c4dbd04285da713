"""While a film is read, a body stands where the character will: posed by the frames so far, gone without a trace."""

import importlib.util
import time
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

if importlib.util.find_spec("bpy") is None:
    pytest.skip("Blender's bpy is not installed", allow_module_level=True)

import bpy
from body_from_image.inference import preview as telling
from body_from_image.inference.clip import Frame
from body_from_image.inference.engine import Engine, Settings
from body_from_image.inference.files.images import read_image
from body_from_image.inference.networks.person import extent_of, person_cells
from body_from_image.operators import estimate_sequence, estimation
from body_from_image.operators.all_or_nothing import KINDS, RENDER
from body_from_image.operators.preview import body_of_preview
from body_from_image.operators.run_state import run_state
from body_from_image.rig.character import build_character
from body_from_image.rig.preview import MARK, remove_preview, show_preview

from ..conftest import EXAMPLE

pytestmark = pytest.mark.usefixtures("registered", "scene")
FRAMES = 12
PATIENCE = 300
LONGEST = 0.1
"""Seconds of processor time for which a preview may hold Blender in one go."""
OPERATOR = estimate_sequence.BODY_FROM_IMAGE_OT_estimate_sequence
CHOSEN = {
    "directory": "", "filepath": "", "files": (), "result": "MOTION", "box": (0, 0, 0, 0), "people": 1,
    "field_of_view": 0, "height": 0, "stand_on_ground": True, "start_frame": 1, "scene_setup": "AUTO",
    "strength": 0.5, "keep_feet": True, "tilt_known": False, "camera_pitch": 0, "camera_roll": 0, "reduce_keys": 0,
    "from_window": True,
}  # fmt: skip


@pytest.fixture
def scene(empty_scene, monkeypatch):
    """An empty scene, whose operators run without preferences."""
    settings = {"device": "cpu", "threads": 1, "size": "fast", "body_model": None, "refine": False}
    monkeypatch.setattr(estimation, "external_python", lambda context: None)
    monkeypatch.setattr(estimate_sequence, "engine_settings", lambda *_: settings)
    monkeypatch.setattr(estimate_sequence, "body_model_file", lambda context: None)
    return bpy.context.scene


@pytest.fixture(scope="module")
def engine():
    return Engine(Settings(device="cpu", threads=1))


class Manager:
    """The window manager, but for timers and handlers, which need a window."""

    def __getattr__(self, name):
        return getattr(bpy.context.window_manager, name)

    def event_timer_add(self, *_, **__):
        return None

    event_timer_remove = modal_handler_add = event_timer_add


class Context:
    """Blender's context with that window manager."""

    window_manager = Manager()

    def __getattr__(self, name):
        return getattr(bpy.context, name)


class Watched(*OPERATOR.__bases__[:-1]):
    """The operator as Blender runs it, event by event: Blender itself makes one only in a window."""

    def __init__(self, **chosen):
        self.__dict__ |= CHOSEN | chosen
        self.reports, self.seen, self.context = [], [], Context()

    def report(self, kind, sentence):
        self.reports.append(sentence)

    def play(self, until=lambda operator: False, event="TIMER"):
        """Run until it is done, or until something is so; `seen` gets the previews' vertices."""
        result, began = self.execute(self.context), time.monotonic()
        while result in ({"RUNNING_MODAL"}, {"PASS_THROUGH"}) and not until(self):
            assert time.monotonic() - began < PATIENCE
            time.sleep(0.005)
            result = self.send("TIMER")
            self.seen += [points_of(item) for item in marked("objects") if item.type == "MESH"]
        return result

    def send(self, kind):
        return self.modal(self.context, SimpleNamespace(type=kind, value="PRESS"))


for name, function in vars(OPERATOR).items():
    if callable(function) and not name.startswith("__") and name != "bl_rna":
        setattr(Watched, name, function)


def marked(kind):
    return [item for item in getattr(bpy.data, kind) if MARK in item]


def points_of(item):
    bpy.context.view_layer.update()
    evaluated = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = np.empty(3 * len(evaluated.data.vertices), np.float32)
    evaluated.data.vertices.foreach_get("co", points)
    world = np.array(evaluated.matrix_world)
    return points.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]


def state():
    scene = bpy.context.scene
    blocks = {kind: sorted(item.name for item in getattr(bpy.data, kind)) for kind in KINDS}
    settings = [getattr(scene.render, name) for name in RENDER]
    settings += [scene.frame_start, scene.frame_end, scene.frame_current]
    return blocks, settings, [item and item.name for item in (scene.camera, bpy.context.active_object)]


def previewed(operator):
    return bool(marked("objects"))


@pytest.fixture(scope="module")
def person():
    return cv2.resize(cv2.imread(str(EXAMPLE)), (240, 320), interpolation=cv2.INTER_AREA)


@pytest.fixture
def film(tmp_path, person):
    """Writes pictures and gives their folder; None stands for one that cannot be read."""

    def write(pictures, name="walk"):
        (tmp_path / name).mkdir()
        for number, picture in enumerate(pictures, 1):
            file = tmp_path / name / f"step_{number:04}.png"
            cv2.imwrite(str(file), person if picture is None else picture)
            if picture is None:
                file.write_bytes(file.read_bytes()[:2000])
        return str(tmp_path / name)

    return write


def moving(person, count=FRAMES):
    return [np.roll(person, 2 * number, axis=1) for number in range(count)]


def test_a_body_is_shown_while_the_film_is_read_and_gives_way_to_the_character(film, person):
    operator, before = Watched(directory=film(moving(person))), state()
    operator.play(until=previewed)
    assert 0 < run_state(bpy.context).share < 0.9
    assert state()[1:] == before[1:]
    assert sorted(item.type for item in marked("objects")) == ["CAMERA", "MESH"]
    result = {"PASS_THROUGH"}
    while result == {"PASS_THROUGH"}:
        time.sleep(0.005)
        result = operator.send("TIMER")
    assert result == {"FINISHED"} and not any(marked(kind) for kind in KINDS)
    assert sorted(bpy.data.objects.keys()) == ["walk", "walk_body", "walk_camera"]
    assert bpy.data.collections.keys() == ["walk"] and bpy.context.scene.camera.name == "walk_camera"


def test_the_file_is_the_same_as_without_preview(film, person, monkeypatch):
    folder = film(moving(person))
    shown = Watched(directory=folder)
    shown.play()
    assert shown.seen
    with_preview = state()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    monkeypatch.setattr(Watched, "_show_preview", lambda *_: None)
    Watched(directory=folder).play()
    assert state() == with_preview


def test_escape_leaves_the_file_as_it_was(film, person):
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.scene.frame_set(7)
    before, operator = state(), Watched(directory=film(moving(person)))
    operator.play(until=previewed)
    assert state() != before
    assert operator.send("ESC") == {"CANCELLED"}
    assert state() == before and not run_state(bpy.context).running


def test_another_file_being_opened_ends_it_with_its_preview(film, person):
    before, operator = state(), Watched(directory=film(moving(person)))
    operator.play(until=previewed)
    operator.cancel(operator.context)
    assert state() == before


@pytest.mark.parametrize("error", ["of the worker", "of ours", "on the way"])
def test_a_fault_leaves_the_file_as_it_was(film, person, monkeypatch, error):
    before, operator = state(), Watched(directory=film(moving(person)))

    def fail(*_):
        raise ZeroDivisionError

    if error == "of ours":
        monkeypatch.setattr(estimate_sequence, "write_note", fail)
    operator.play(until=previewed)
    if error == "of the worker":
        estimation.worker._process.kill()
    if error == "on the way":
        monkeypatch.setattr(Watched, "_show_preview", fail)
    try:
        result = {"PASS_THROUGH"}
        while result == {"PASS_THROUGH"}:
            time.sleep(0.005)
            result = operator.send("TIMER")
    except ZeroDivisionError:
        assert error != "of the worker"
    else:
        assert error == "of the worker" and result == {"CANCELLED"} and "ended by itself" in operator.reports[-1]
    assert state() == before


def test_nobody_in_the_first_frames_and_one_that_cannot_be_read(film, person):
    grey = np.full_like(person, 90)
    operator = Watched(directory=film([grey, None, grey, *moving(person)]))
    operator.play(until=previewed)
    assert run_state(bpy.context).share + 1e-6 > 0.05 + 0.9 * 5 / 15  # the fifth is told after the fourth was seen
    operator.send("ESC")
    nobody = Watched(directory=film([grey, None, grey], "nobody"))
    assert nobody.play() == {"CANCELLED"} and not nobody.seen and "No person was found" in nobody.reports[-1]


def test_of_several_people_one_is_shown(film, person):
    pair = [np.hstack([one, one[..., ::-1]]) for one in moving(person, 10)]
    operator = Watched(directory=film(pair), people=0)
    operator.play(until=previewed)
    assert len(marked("meshes")) == 1
    while operator.send("TIMER") == {"PASS_THROUGH"}:
        time.sleep(0.005)
    assert bpy.data.collections.keys() == ["walk"] and len(bpy.data.objects) == 5
    assert not any(marked(kind) for kind in KINDS)


def test_saving_and_undo_never_meet_a_preview(film, person, tmp_path):
    operator = Watched(directory=film(moving(person)))
    operator.play(until=previewed)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"), copy=True)
    assert not previewed(operator)
    while not previewed(operator):
        assert operator.send("TIMER") == {"PASS_THROUGH"}
        time.sleep(0.005)
    (undone,) = (handler for handler in bpy.app.handlers.undo_post if handler.__module__.endswith("operators.preview"))
    undone(bpy.context.scene)
    assert previewed(operator)  # what was undone is not the film
    stays = [(item.name, points_of(item)) for item in marked("objects") if item.type == "MESH"]
    operator.send("ESC")
    assert stays and not previewed(operator)
    show_preview(example(Engine(Settings(device="cpu", threads=1))), "undone", True)
    undone(bpy.context.scene)
    assert not previewed(operator)
    with bpy.data.libraries.load(str(tmp_path / "a.blend")) as (inside, _):
        assert not inside.objects and not inside.meshes and not inside.cameras


def seen_in(engine, shift=0):
    photo = read_image(EXAMPLE)
    detection = engine.detect(photo).detection
    keypoints = detection.keypoints + [shift, 0, 0]
    camera = engine.camera(photo.size, photo.focal)
    return Frame(keypoints, camera, extent_of(detection), detection.score, *engine.shape(person_cells(detection)))


def example(engine, shift=0):
    preview = telling.Preview(engine)
    preview.saw(seen_in(engine, shift))
    return body_of_preview(preview.take())


@pytest.mark.parametrize("on_ground", [False, True])
def test_it_stands_where_the_photos_character_stands(engine, model, on_ground):
    bpy.context.scene.unit_settings.scale_length = 0.01
    estimate = Engine(Settings(device="cpu", threads=1, refine=False)).estimate(read_image(EXAMPLE)).estimate
    character = build_character(estimate, model, photo=None, name="A", stand_on_ground=on_ground, set_up=False)
    show_preview(example(engine), "B", on_ground)
    body, camera = sorted(marked("objects"), key=lambda item: item.type, reverse=True)
    assert np.abs(points_of(body) - points_of(character.mesh)).max() < 0.2  # of a centimetre
    assert np.allclose(camera.matrix_world, character.camera.matrix_world, atol=1e-2)
    assert camera.data.lens == pytest.approx(character.camera.data.lens)


def test_later_frames_move_the_body_and_not_the_camera(engine):
    show_preview(example(engine), "A", True)
    (body,), (camera,) = marked("meshes"), marked("cameras")
    item = next(item for item in marked("objects") if item.type == "MESH")
    first, place = points_of(item), item.matrix_world.copy()
    show_preview(example(engine, shift=200), "A", True)
    assert marked("meshes") == [body] and marked("cameras") == [camera] and item.matrix_world == place
    assert (points_of(item) - first)[:, 0].mean() > 0.1
    remove_preview()


def test_previews_come_at_intervals_and_from_frames_that_show_somebody(engine, monkeypatch):
    now, preview = [100.0], telling.Preview(engine)
    monkeypatch.setattr(telling.time, "monotonic", lambda: now[0])
    frame = seen_in(engine)
    assert list(preview.watch([Frame()])) and preview.take() is None
    told = []
    for now[0] in np.arange(200, 203, 0.1):
        preview.saw(frame)
        told.append(preview.take())
    shown = [one for one in told if one]
    assert told[0] and 3 / telling.EVERY * 0.7 < len(shown) <= 3 / telling.EVERY + 1


def test_previews_take_no_more_than_their_share_of_the_time(engine, monkeypatch):
    now, preview, frame, slow = [100.0], telling.Preview(engine), seen_in(engine), 0.06
    monkeypatch.setattr(telling.time, "monotonic", lambda: now[0])

    def pose_slowly(*asked):
        now[0] += slow
        return Engine.lift(engine, *asked)

    monkeypatch.setattr(engine, "lift", pose_slowly)
    began, count = now[0], 0
    while now[0] < began + 60:
        preview.saw(frame)
        count += preview.take() is not None
        now[0] += 0.1
    assert 25 <= count <= 31, "3 % of a minute are 30 of .06 s, and the first comes at once"


def test_another_bodys_shape_is_not_taken_for_the_bundled_ones(engine):
    preview = telling.Preview(engine)
    preview.saw(seen_in(engine))
    told = preview.take()
    own, other = body_of_preview(told), body_of_preview(told | {"body_model": "another"})
    assert np.any(own.betas) and not np.any(other.betas)
    assert np.allclose(own.joints_3d[0, 0], other.joints_3d[0, 0], atol=1e-5)


def test_blender_is_not_kept_waiting(engine):
    told, slowest = telling.Preview(engine), []
    told.saw(seen_in(engine))
    told = told.take()
    for _ in range(5):
        began = time.thread_time()
        show_preview(body_of_preview(told), "A", True)
        slowest.append(time.thread_time() - began)
    remove_preview()
    print([round(1e3 * seconds, 1) for seconds in slowest], "ms")
    assert max(slowest) < LONGEST
