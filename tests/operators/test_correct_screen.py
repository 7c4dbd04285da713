"""The Correct mode's logic: photo and screen, what the mouse means, what keys say."""

import numpy as np
import pytest
from body_from_image.inference.body.correction import Correction
from body_from_image.operators.correct_screen import (
    HINT,
    PICK_RADIUS,
    Action,
    Look,
    PhotoOnScreen,
    action_of,
    corrected_by,
    look_of,
    navigates,
    outline_of,
    picked,
    told,
)

WRIST = Correction("left_wrist", frame=2)


def test_photo_and_screen_are_each_others_inverse():
    photo = PhotoOnScreen.between(np.array([100.0, 500.0]), np.array([419.5, 260.5]), (640, 480))
    assert photo.scale == pytest.approx((0.5, -0.5))
    assert photo.to_screen([[0, 0], [639, 479]]) == pytest.approx(np.array([[100, 500], [419.5, 260.5]]))
    assert photo.to_photo(tuple(photo.to_screen(np.array([12.0, 34.0])))) == pytest.approx((12, 34))


def test_the_mouse_means_the_nearest_keypoint_that_is_near():
    points = np.array([[0.0, 0.0], [10.0, 0.0], [100.0, 0.0]])
    assert picked(points, (7, 0)) == 1 and picked(points, (3, 0)) == 0
    assert picked(points, (100, PICK_RADIUS + 1)) is None
    assert picked(points, (100, PICK_RADIUS + 1), scale=2.0) == 2


@pytest.mark.parametrize(
    ("correction", "confidence", "look"),
    [
        (WRIST, 0.9, Look.CERTAIN),
        (WRIST, 0.5, Look.UNCERTAIN),
        (WRIST, 0.1, Look.GUESSED),
        (Correction("left_wrist", (1.0, 2.0)), 0.1, Look.CORRECTED),
        (Correction("left_wrist", nearer=1), 0.9, Look.CORRECTED),
        (Correction("left_wrist", seen=False), 0.9, Look.HIDDEN),
    ],
)
def test_what_was_said_shows_and_else_how_sure_it_is(correction, confidence, look):
    assert look_of(correction, confidence) is look


def test_nobody_needs_to_tell_colours_apart():
    assert len({look.shape for look in Look}) == len(Look) == len({look.color for look in Look})
    for look in Look:
        corners = outline_of(look.shape, 5.0)
        reach = 5.0 * (np.sqrt(2) if look.shape == "cross" else 1)
        assert np.linalg.norm(corners, axis=1).max() == pytest.approx(reach)
    assert outline_of("triangle", 1.0)[0] == pytest.approx([0, 1]), "it points up"
    assert np.abs(outline_of("square", 1.0)[:, 1]) == pytest.approx(np.full(4, np.sqrt(0.5))), "it lies flat"


def test_every_action_has_a_key_and_is_told():
    keys = [(key, shift, False) for key in ("H", "C", "X", "F", "R", "WHEELUPMOUSE", "MINUS", "RET", "ESC")
            for shift in (False, True)]  # fmt: skip
    found = {action_of(*key) for key in [*keys, ("Z", False, True)]} - {None}
    assert found == set(Action)
    assert all(action.value in HINT for action in Action)


def test_a_trackpad_needs_no_wheel_and_plus_needs_no_shift():
    assert {action_of(key) for key in ("EQUAL", "PLUS", "NUMPAD_PLUS")} == {Action.NEARER}
    assert action_of("EQUAL", shift=True) is Action.NEARER
    assert action_of("X", ctrl=True) is None and action_of("TRACKPADPAN") is None


def test_the_view_is_moved_as_ever_and_nothing_else_is_done():
    assert all(navigates(key) for key in ("MIDDLEMOUSE", "TRACKPADPAN", "NUMPAD_0", "RIGHT_ARROW", "WHEELUPMOUSE"))
    assert not any(navigates(key) for key in ("DEL", "A", "G", "TAB", "Z"))


def test_keys_say_what_they_should():
    assert corrected_by(Action.HIDE, WRIST) == Correction("left_wrist", seen=False, frame=2)
    assert corrected_by(Action.HIDE, corrected_by(Action.HIDE, WRIST)) == WRIST
    assert corrected_by(Action.EXCHANGE, corrected_by(Action.EXCHANGE, WRIST)) == WRIST
    assert corrected_by(Action.RESET, Correction("left_wrist", (1.0, 2.0), 1, frame=2)) == WRIST
    said, nearer = WRIST, []
    for action in (Action.NEARER, Action.NEARER, Action.FARTHER, Action.FARTHER, Action.FARTHER):
        said = corrected_by(action, said)
        nearer.append(said.nearer)
    assert nearer == [1, 1, 0, -1, -1]
    assert corrected_by(Action.NEARER, Correction("pelvis")).nearer == 0, "it hangs on nothing"


def test_the_label_tells_name_and_state():
    assert told(Correction("left_wrist", nearer=-1), Look.CORRECTED) == "left wrist, corrected, farther"
