"""Hands that carry are locked: their knuckles keep their place, and come to it and leave it smoothly.

How high that is above the floor nobody knows: people lean on palms, fists and finger tips. So hands stay at the height
that they were seen at, but not below a palm's, and tell nothing of the floor.
"""

import numpy as np

from .body_path import Path
from .easing import eased, lingering, nearest, nearness
from .foot_contact import LANDMARKS, Contact
from .legs import HANDS

PALM = 0.02
"""Metres that the knuckles of a hand which lies on the floor are above it."""


def hold_hands(
    joints: np.ndarray, contacts: list[Contact], path: Path, ease: float, hold: float
) -> tuple[np.ndarray, np.ndarray]:
    """By how much the wrists must move (F, 2, 3) for the hands of joints (F, 24, 3) to be where they stand, and how
    much of that holds (F, 2): all while they stand, nothing `ease` frames off. Within `hold` frames a hand leaves its
    place, and comes to it. Those of no contact stay where they are."""
    shifts, shares = np.zeros((len(joints), 2, 3)), np.zeros((len(joints), 2))
    for side, joint in enumerate(HANDS):
        own = [contact for contact in contacts if contact.point == len(LANDMARKS) + side]
        if not own:
            continue
        hand, places = joints[:, joint], np.full((len(joints), 3), np.nan)
        for contact in own:
            span = slice(contact.first, contact.stop)
            place = hand[span].mean(0)
            places[span] = place + max(PALM - float(path.above(place)), 0) * path.up
        held = ~np.isnan(places[:, 0])
        shift = eased(np.where(held[:, None], places - hand, 0), held, ease)
        shift += (places[nearest(held)] - hand - shift) * lingering(held, hold)[:, None]
        sunk = np.maximum(PALM - path.above(hand + shift), 0) * ~held * (nearness(held, ease) > 0)
        shifts[:, side], shares[:, side] = shift + sunk[:, None] * path.up, nearness(held, ease)
    return shifts, shares
