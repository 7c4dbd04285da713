"""What the user is told of an estimate: sentences on who was taken, how sure it is, and what was guessed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .files.image_headers import IMAGE_SUFFIXES
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
MOST_SPANS = 5
"""Spans of frames, or cuts, that a sentence lists."""
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


def remarks_on_motion(scores: np.ndarray, swapped: int, first: int = 0) -> tuple[str, ...]:
    """Sentences on the frames of a motion that begins in frame `first` of its film, by their `scores` (F,): which were
    filled in, since nobody was found, which are doubtful, and how many had left and right `swapped` back."""
    remarks = []
    lost, doubtful = scores == 0, (scores > 0) & (scores < DOUBTFUL_SCORE)
    if lost.any():
        remarks.append(f"No person was found in {_which(lost, first)}; they were filled in.")
    if doubtful.any():
        remarks.append(f"The score is low in {_which(doubtful, first)}: look at them.")
    if swapped:
        remarks.append(f"Left and right were exchanged in {swapped} of {len(scores)} frames; that was put right.")
    return tuple(remarks)


def remarks_on_cuts(cuts: Sequence[int], several: bool) -> tuple[str, ...]:
    """A sentence on a film that is cut before some frames, which are counted from 0."""
    if not cuts:
        return ()
    told = [str(number) for number in cuts[:MOST_SPANS]] + (["more"] if len(cuts) > MOST_SPANS else [])
    where = told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}"
    then = "everybody is somebody new from there" if several else "whoever is most prominent then goes on"
    return (f"The film is cut before frame{'s' if len(told) > 1 else ''} {where} (from 0): {then}.",)


def _which(there: np.ndarray, first: int) -> str:
    """How many of a motion's frames (F,) bool, and in which spans of the film, whose frames count from 0."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(int))).reshape(-1, 2) + first
    spans = [str(begin) if end == begin + 1 else f"{begin}–{end - 1}" for begin, end in edges[:MOST_SPANS]]
    spans += ["…"] if len(edges) > MOST_SPANS else []
    return f"{there.sum()} of {len(there)} frames ({', '.join(spans)}, from 0)"


def remarks_on_refined_motion(frames: int, kept: int) -> tuple[str, ...]:
    """A sentence when `kept` frames stayed unrefined."""
    return (f"{kept} of {frames} frames were not refined: bodies do not bend so.",) if kept else ()


def nobody_in_clip(frames: int, source: Path) -> str:
    """What is said of a clip, a film or pictures of which `source` is the first, that shows nobody."""
    pictures = source.suffix.lower() in IMAGE_SUFFIXES
    return f"No person was found in any of the {frames} frames of {source.parent.name if pictures else source.name}."
