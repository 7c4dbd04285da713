"""How sure the estimate is of head, arms and legs: the confidence of their keypoints."""

from ..inference.body.body_estimate import BodyEstimate
from ..inference.geometry.joints import KEYPOINT_INDEX

LIMB_JOINTS = {
    "Head": ("upper_neck", "head_top"),
    "Left Arm": ("left_elbow", "left_wrist"),
    "Right Arm": ("right_elbow", "right_wrist"),
    "Left Leg": ("left_knee", "left_ankle"),
    "Right Leg": ("right_knee", "right_ankle"),
}
"""What a person calls the limbs (left is the photographed person's left), and the keypoints that show them."""


def limb_certainty(estimate: BodyEstimate) -> dict[str, float]:
    """Mean confidence, 0 to 1, of each limb over all frames."""
    confidence = estimate.keypoints_2d[..., 2].mean(0)
    rows = {limb: [KEYPOINT_INDEX[name] for name in names] for limb, names in LIMB_JOINTS.items()}
    return {limb: float(confidence[own].mean()) for limb, own in rows.items()}
