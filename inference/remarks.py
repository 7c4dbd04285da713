"""What the user is told of an estimate: sentences on who was taken, how sure it is, and what was guessed."""

import numpy as np

from .geometry.joints import KEYPOINT_INDEX
from .networks.person import SURE_CONFIDENCE, Found

BODY_PARTS = {
    "legs": ("right_knee", "left_knee", "right_ankle", "left_ankle"),
    "arms": ("right_elbow", "left_elbow", "right_wrist", "left_wrist"),
    "head": ("upper_neck", "head_top"),
}
"""Parts of the body, and the keypoints without which their pose is a guess."""
DOUBTFUL_SCORE = 0.6
"""Score below which the user is asked to look twice: there, half of the joints or fewer are right."""
MEAN_SHAPE = "The shape is near the average body: keypoints alone hardly show it."
CAMERA_UNKNOWN = "The background does not show whether the camera moved, so it is taken to stand still."
NOT_REFINED = "The refinement was not kept: it would have bent the body as bodies do not bend."
MORE_PEOPLE = "There are more people in the picture; the most prominent was taken. A box chooses another."


def remarks_on_finding(found: Found) -> tuple[str, ...]:
    """Sentences on how sure it is that this is the person that the user means."""
    return (*((MORE_PEOPLE,) if len(found.others) else ()), *remarks_on_score(found.detection.score))


def remarks_on_refused(count: int) -> tuple[str, ...]:
    """A sentence on people whom the finder saw, but of whom too little is seen for a body."""
    if not count:
        return ()
    who = "1 more person" if count == 1 else f"{count} more people"
    return (f"There may be {who} in the picture, too small or too hidden to estimate. A box may help.",)


def remarks_on_score(score: float) -> tuple[str, ...]:
    """A sentence when a pose is doubtful."""
    if score >= DOUBTFUL_SCORE:
        return ()
    return (f"The score is low ({score:.2f}): look at the result before using it.",)


def remarks_on_keypoints(keypoints: np.ndarray) -> tuple[str, ...]:
    """A sentence on the parts of the body that keypoints (25, 3) do not show, and whose pose is therefore a guess."""
    hidden = [
        part for part, names in BODY_PARTS.items()
        if all(keypoints[KEYPOINT_INDEX[name], 2] < SURE_CONFIDENCE for name in names)
    ]  # fmt: skip
    return (f"Not seen, so guessed: {', '.join(hidden)}.",) if hidden else ()


def shape_not_trained(body_model: str) -> str:
    """Why the shape is the average: ShapePrior knows another body model."""
    return (
        f"The shape starts from the average body: ShapePrior was not trained for {body_model}. "
        "`python -m body_from_image.training shape-prior --body-model FILE` trains it for this one."
    )


def remarks_on_motion(frames: int, filled: int, swapped: int) -> tuple[str, ...]:
    """Sentences on what was done to a motion's frames: `filled` in where nobody was found, and left and right
    `swapped` back."""
    remarks = []
    if filled:
        remarks.append(f"No person was found in {filled} of {frames} frames; they were filled in.")
    if swapped:
        remarks.append(f"Left and right were exchanged in {swapped} of {frames} frames; that was put right.")
    return tuple(remarks)


def remarks_on_refined_motion(frames: int, kept: int) -> tuple[str, ...]:
    """A sentence when `kept` frames stayed unrefined."""
    return (f"{kept} of {frames} frames were not refined: bodies do not bend so.",) if kept else ()
