"""Films and picture sequences in a fresh Blender with the zip installed: characters, smoothing anew, faults."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

from ..conftest import EXAMPLE
from .conftest import facts_of

pytestmark = pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="Blender's bpy is not installed")

SCRIPT = Path(__file__).with_name("sequence_in_blender.py")
FRAMES = 6
CURVES = 24 * 4 + 3


@pytest.fixture(scope="module")
def facts(zip_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sequences")
    write_inputs(folder)
    return facts_of(SCRIPT, zip_file, folder, resources=folder)


def write_inputs(folder: Path) -> None:
    """Films and folders of the example's person, who drifts to the right by a pixel a frame."""
    person = cv2.resize(cv2.imread(str(EXAMPLE)), (240, 320), interpolation=cv2.INTER_AREA)
    frames = [np.roll(person, number, axis=1) for number in range(FRAMES)]
    for name in ("walk", "broken", "broken_first", "mixed", "empty"):
        (folder / name).mkdir()
        for number, frame in enumerate(frames, 1):
            pixels = np.full_like(frame, 90) if name == "empty" else frame
            pixels = pixels[:300] if (name, number) == ("mixed", 4) else pixels
            cv2.imwrite(str(folder / name / f"step_{number:04}.png"), pixels)
    for name, number in (("broken", 3), ("broken_first", 1)):
        file = folder / name / f"step_{number:04}.png"
        file.write_bytes(file.read_bytes()[:2000])
    (folder / "pair").mkdir()
    for number, pixels in enumerate(pair(frames), 1):
        cv2.imwrite(str(folder / "pair" / f"two_{number:04}.png"), pixels)
    write_film(folder / "film.mp4", frames)
    write_film(folder / "long.mp4", frames * 40)


def pair(frames: list[np.ndarray]) -> list[np.ndarray]:
    """The person beside themselves in other colours, who is only there from the sixth picture on, at the tracker's next
    look for newcomers, and stays."""
    frames = [*frames, *(frames[-1] for _ in range(10))]
    return [
        np.hstack([frame, frame[..., ::-1] if number >= 5 else np.full_like(frame, 200)])
        for number, frame in enumerate(frames)
    ]


def write_film(path: Path, frames: list[np.ndarray]) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 12.5, frames[0].shape[1::-1])
    for frame in frames:
        writer.write(frame)
    writer.release()


def test_a_film_becomes_one_character_at_the_films_rate(facts):
    assert facts["films"]["film"] == ["FINISHED"]
    motion = facts["films"]["film_motion"]
    assert motion["name"] == "film" and motion["curves"] == CURVES
    assert motion["frames"] == list(range(1, FRAMES + 1)) and motion["range"] == [1, FRAMES]
    assert motion["fps"] == pytest.approx(12.5)
    assert motion["behind"] == "MOVIE"
    assert abs(motion["lowest"]) < 1e-3


def test_a_folder_becomes_one_character_at_the_scenes_rate(facts):
    motion = facts["films"]["folder_motion"]
    assert facts["films"]["folder"] == ["FINISHED"]
    assert motion["name"] == "walk" and motion["frames"] == list(range(10, 10 + FRAMES))
    assert motion["range"] == [10, 9 + FRAMES] and motion["fps"] == 24
    assert motion["behind"] == "SEQUENCE"


def test_a_sequence_is_refined(facts):
    refined, plain = (np.array(facts["films"][name]) for name in ("folder_keys", "unrefined_keys"))
    assert refined.shape == plain.shape == (CURVES, FRAMES)
    assert np.abs(refined - plain).max() > 0.01


def test_one_of_numbered_pictures_stands_for_all_of_them(facts):
    motion = facts["films"]["numbered_motion"]
    assert motion["name"] == "step" and len(motion["frames"]) == FRAMES


def test_chosen_files_are_taken_and_no_others_even_two(facts):
    assert facts["films"]["chosen"] == ["FINISHED"]
    assert len(facts["films"]["chosen_motion"]["frames"]) == 2


def test_everybody_of_a_film_becomes_a_character_before_one_camera(facts):
    seen = facts["several"]
    assert seen["pair"] == ["FINISHED"] and seen["names"] == ["pair.1", "pair.2"] and seen["cameras"] == 1
    first, second = seen["frames"]
    assert first == list(range(5, 21)) and second[0] > first[0] and second[-1] == first[-1]
    assert seen["smoothed"] == ["FINISHED"] and seen["camera_moved"] == 0
    assert seen["apart"] > 0.3


def test_a_broken_picture_is_told_and_bridged(facts):
    assert facts["films"]["broken"] == ["FINISHED"]
    motion = facts["films"]["broken_motion"]
    assert len(motion["frames"]) == FRAMES
    assert "step_0003.png is" in motion["remarks"]
    assert f"No person was found in 1 of {FRAMES} frames" in motion["remarks"]
    first = facts["films"]["broken_first_motion"]
    assert len(first["frames"]) == FRAMES and first["behind"] is None


def test_motion_is_smoothed_anew_without_inference(facts):
    seen = facts["smoothing"]
    first, raw, again = (np.array(values) for values in (seen["first"], seen["raw"]["values"], seen["again"]["values"]))
    assert raw.shape == (CURVES, FRAMES) and seen["raw"]["frames"] == list(range(10, 10 + FRAMES))
    assert np.abs(np.diff(raw, 2)).sum() > 1.5 * np.abs(np.diff(first, 2)).sum()
    assert np.abs(again - first).max() < 1e-5
    assert np.abs(np.array(seen["free"]["values"]) - first).max() > 1e-4
    assert seen["actions"].count("walk") == 1
    assert abs(seen["lowest"]) < 0.005
    assert seen["again"]["camera"] == pytest.approx(seen["reopened"]["camera"], abs=1e-5)


def test_the_raw_motion_survives_saving_and_goes_with_its_character(facts):
    seen = facts["smoothing"]
    assert np.abs(np.array(seen["reopened"]["values"]) - np.array(seen["first"])).max() < 1e-5
    assert seen["note"] == {"strength": 0.5, "keep_feet": True}
    assert "was changed" in seen["spoilt"]
    assert seen["texts_gone_with_the_character"] == [1, False]


def test_pictures_become_characters_side_by_side_and_pose_assets(facts):
    seen = facts["sheet"]
    names = [f"step_{number:04}" for number in range(1, FRAMES + 1) if number != 3]
    assert seen["pictures"] == ["FINISHED"]
    assert sorted(seen["places"]) == names == seen["collections"]
    assert seen["assets"] == [f"{name} pose" for name in names]
    places = np.array(list(seen["places"].values()))
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1) + 9 * np.eye(len(places))
    assert apart.min() > 1.5


def test_what_goes_wrong_is_told_and_leaves_nothing(facts):
    seen = facts["faults"]
    assert "Choose a film" in seen["nothing_chosen"]
    assert "does not exist" in seen["missing"]
    assert f"No person was found in any of the {FRAMES} frames" in seen["empty"]
    assert "step_0004.png has 240×300 pixels" in seen["mixed"]
    assert "None of the 6 pictures gave a body" in seen["no_pictures"]
    assert "ended by itself" in seen["killed"]
    assert "No space left on device" in seen["full_disk"]
    assert "The note cannot be written" in seen["halfway"]
    assert seen["after"] == seen["before"]
    assert seen["and_then"] == ["FINISHED"]


def test_cancelling_in_the_middle_is_quick_and_leaves_nothing(facts):
    cancelled = facts["faults"]["cancelled"]
    assert cancelled["seconds"] < 0.5 and not cancelled["runs"] and not cancelled["folder"]
    assert "Frame 2 of 240" in cancelled["stages"]


def test_blender_itself_loads_no_libraries_of_the_engine(facts):
    assert facts["in_parent"] == []
