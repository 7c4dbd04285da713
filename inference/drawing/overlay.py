"""The picture a person looks at first: the photo, the body laid over it, and the skeleton that was found."""

from collections.abc import Mapping

import cv2
import numpy as np

from ..body.body_estimate import BodyEstimate
from ..body.correction import corrected_keypoints, of_frame
from ..geometry.joints import KEYPOINT_EDGES, KEYPOINT_NAMES
from ..geometry.rasterizer import coverage, paint, project, spans_of
from .correction_marks import draw_marks

CONFIDENT = 0.3
"""Keypoints below this confidence are not drawn."""
BODY_OPACITY = 0.75
BODY_LIGHT = np.array([246, 249, 253])
# Okabe and Ito's again, whitened.
PERSON_COLOURS = (
    (246, 249, 253), (255, 214, 120), (140, 205, 245), (120, 215, 180), (245, 165, 110), (225, 165, 200),
    (245, 235, 120),
)  # fmt: skip
BODY_TINT = np.array([1.2, 1.0, 0.8])
"""Exponents of red, green and blue between ink and light: half tones are bluish."""
# Okabe and Ito's palette, which people with any kind of colour blindness can tell apart.
LEFT_COLOUR, RIGHT_COLOUR, MIDDLE_COLOUR = (230, 159, 0), (0, 114, 178), (245, 245, 245)
INK = (16, 22, 34)
"""Shadows and outline of the body, casing of the bones, ground of the label."""
INK_OPACITY = 0.8
TOWARDS_LIGHT = np.array([-0.42, -0.62, -0.66])
"""From the upper left, behind the viewer's shoulder; camera frame."""
DRAWN_SIDE = 1100
"""The body is drawn about this many pixels large whatever the photo, at most twice as finely as the photo itself."""
PERSON_UNITS = 300
"""Thinnest lines in a person's height: what outlines a small figure in a large photo must not fill it."""
MARK_SIZE = 2.2
"""Half the side of a corrected keypoint's mark, in thicknesses of a bone."""
_FRACTION_BITS = 4


def draw_overlay(photo: np.ndarray, estimate: BodyEstimate, frame: int = 0) -> np.ndarray:
    """The photo (H, W, 3) uint8 RGB with body, skeleton and score of one frame over it; a new picture of the same kind.

    The skeleton is what was found, and what a person put right of it, with marks on that. The body is left out where
    the estimate has no vertices (a motion). Raises ValueError for a photo of another size.
    """
    height, width = photo.shape[:2]
    if (width, height) != tuple(estimate.image_size):
        raise ValueError(f"the estimate belongs to a picture of {estimate.image_size}, not {(width, height)}")
    picture = photo.copy()
    if estimate.vertices is not None:
        _draw_body(picture, estimate, frame)
    _draw_evidence(picture, estimate, frame)
    _draw_label(picture, f"score {float(estimate.score[frame]):.2f}")
    return picture


def draw_people(photo: np.ndarray, people: Mapping[int, BodyEstimate]) -> np.ndarray:
    """The photo (H, W, 3) uint8 RGB with several people's bodies over it, the nearest on top, each in the colour of
    their number, which counts from 1. Single pictures' estimates."""
    picture = photo.copy()
    order = sorted(people, key=lambda number: -people[number].joints_3d[0, 0, 2])
    for number in order:
        _draw_body(picture, people[number], 0, np.array(person_colour(number)))
    for number in order:
        _draw_evidence(picture, people[number], 0)
    for number in order:
        _draw_number(picture, people[number], number)
    return picture


def person_colour(number: int) -> tuple[int, int, int]:
    """Of the person with this number, from 1: light, and told apart by people with any kind of colour blindness."""
    return PERSON_COLOURS[(number - 1) % len(PERSON_COLOURS)]


def body_mask(estimate: BodyEstimate, frame: int = 0) -> np.ndarray:
    """The body's silhouette, (H, W) uint8: 255 where its mesh covers the centre of a pixel of the photo, else 0.

    Raises ValueError for an estimate without vertices (a motion).
    """
    if estimate.vertices is None:
        raise ValueError("a motion has no vertices to draw")
    width, height = estimate.image_size
    pixels = project(estimate.vertices[frame], estimate.focal, estimate.camera_center)
    return coverage(spans_of(pixels[estimate.faces], width, height), width, height).astype(np.uint8) * 255


def _draw_body(picture: np.ndarray, estimate: BodyEstimate, frame: int, light: np.ndarray = BODY_LIGHT) -> None:
    """Blend the body, `light` where it is brightest, and a thin outline into the picture, in place."""
    vertices = estimate.vertices[frame].astype(np.float64)
    pixels = project(vertices, estimate.focal, estimate.camera_center)
    unit = min(_unit(picture.shape), _extent(pixels) / PERSON_UNITS)
    window = _window(pixels, picture.shape, margin=2 * unit)
    if window is None:
        return
    left, top, width, height = window
    scale = min(2.0, DRAWN_SIDE / max(width, height))
    drawn = max(1, round(width * scale)), max(1, round(height * scale))
    # The window begins half a pixel before the centre of its first pixel, at either resolution.
    fine = (pixels - [left, top] + 0.5) * (np.array(drawn) / (width, height)) - 0.5
    shade, cover = _shaded_body(fine, vertices, estimate.faces, drawn)
    rim = cv2.dilate(cover, _disc(unit * scale)) - cover
    resampling = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    smooth = (cv2.GaussianBlur(layer, (3, 3), 0) for layer in (shade, cover, rim))  # stairs become slopes
    shade, cover, rim = (cv2.resize(layer, (width, height), interpolation=resampling) for layer in smooth)
    ramp = INK + (light - INK) * (np.arange(256) / 255)[:, None] ** BODY_TINT  # shade 0, under the rim, is ink
    layer = cv2.merge([cv2.LUT(shade, np.uint8(ramp[:, channel])) for channel in range(3)])
    weight = (cover * np.float32(BODY_OPACITY) + rim * np.float32(INK_OPACITY)) / np.float32(255)
    target = picture[top : top + height, left : left + width]
    target[:] = cv2.blendLinear(np.ascontiguousarray(target), layer, 1 - weight, weight)


def _unit(shape: tuple[int, ...]) -> float:
    """Thickness of the thinnest line in pixels: what is one pixel at 500 is four at 2000."""
    return max(shape[:2]) / 500


def _extent(pixels: np.ndarray) -> float:
    """Longer side of a body's box in the picture; infinite where it is nowhere."""
    seen = pixels[np.isfinite(pixels).all(axis=1)]
    return float(np.ptp(seen, axis=0).max()) if len(seen) else np.inf


def _window(pixels: np.ndarray, shape: tuple[int, ...], margin: float) -> tuple[int, int, int, int] | None:
    """Left, top, width, height of the part of the picture that the body touches; None where it touches none."""
    if np.isnan(pixels).all():
        return None
    height, width = shape[:2]
    low, high = np.nanmin(pixels, axis=0) - margin, np.nanmax(pixels, axis=0) + margin
    left, top = np.clip(np.floor(low), 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(high) + 1, 0, (width, height)).astype(int)
    return (left, top, right - left, bottom - top) if left < right and top < bottom else None


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _shaded_body(
    pixels: np.ndarray, vertices: np.ndarray, faces: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Brightness and coverage, both (H, W) uint8, of the side of a mesh that faces the camera.

    Pixels (V, 2) and vertices (V, 3) in the camera's frame; `size` is width, height.
    """
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    facing = np.flatnonzero((normals * corners.mean(1)).sum(-1) < 0)
    triangles = pixels[faces[facing]]
    brightness = _brightness(_vertex_normals(normals, faces, len(vertices)), vertices)
    canvas = np.full(size[::-1], -1, np.float32)
    paint(spans_of(triangles, *size), triangles, brightness[faces[facing]], corners[facing, :, 2].mean(1), canvas)
    return np.uint8(np.clip(canvas, 0, 1) * 255), np.uint8(canvas > -1) * 255


def _vertex_normals(face_normals: np.ndarray, faces: np.ndarray, count: int) -> np.ndarray:
    """Unit normals (V, 3): area-weighted means of those of the faces around each vertex."""
    corner = faces.reshape(-1)
    sums = [np.bincount(corner, np.repeat(face_normals[:, axis], 3), count) for axis in range(3)]
    normals = np.stack(sums, -1)
    return normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)


def _brightness(normals: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """0–1 for each vertex: one soft light, some from the camera so that turned-away parts keep their form."""
    towards_camera = -vertices / np.maximum(np.linalg.norm(vertices, axis=-1, keepdims=True), 1e-12)
    key = np.maximum(normals @ (TOWARDS_LIGHT / np.linalg.norm(TOWARDS_LIGHT)), 0)
    frontal = np.maximum((normals * towards_camera).sum(-1), 0)
    return np.clip(0.22 + 0.47 * key + 0.31 * frontal, 0, 1)


def _draw_evidence(picture: np.ndarray, estimate: BodyEstimate, frame: int) -> None:
    """Draw the skeleton of one frame, in place, with corrections heeded and marked."""
    said = of_frame(estimate.corrections, frame)
    keypoints, certain = corrected_keypoints(estimate.keypoints_2d[frame], said)
    sure = (keypoints[:, 2] >= CONFIDENT) & (np.abs(keypoints[:, :2]) < 1e6).all(axis=1)
    if not sure.any():
        return
    extent = np.ptp(keypoints[sure, :2], axis=0).max()
    thickness = max(1.0, min(1.6 * _unit(picture.shape), extent / 60))
    _draw_skeleton(picture, keypoints, sure, thickness)
    draw_marks(picture, keypoints, certain, said, MARK_SIZE * thickness)


def _draw_skeleton(picture: np.ndarray, keypoints: np.ndarray, sure: np.ndarray, thickness: float) -> None:
    """Draw the bones between those keypoints (25, 3) that are `sure` (25,) bool, the left side orange, the right side
    blue, in place."""
    casing = thickness + 2 * max(1.0, thickness / 4)
    points = np.round(np.nan_to_num(keypoints[:, :2]) * 2**_FRACTION_BITS).astype(int).tolist()
    bones = [(a, b) for a, b in KEYPOINT_EDGES if sure[a] and sure[b]]
    for width, colour_of in ((casing, lambda *_: INK), (thickness, _colour_of)):
        for a, b in bones:
            cv2.line(picture, points[a], points[b], colour_of(a, b), round(width), cv2.LINE_AA, _FRACTION_BITS)
    for radius, colour_of in ((0.8 * casing, lambda *_: INK), (0.8 * thickness, lambda *_: MIDDLE_COLOUR)):
        for index in np.flatnonzero(sure):
            fine_radius = round(radius * 2**_FRACTION_BITS)
            cv2.circle(picture, points[index], fine_radius, colour_of(index), cv2.FILLED, cv2.LINE_AA, _FRACTION_BITS)


def _colour_of(*keypoints: int) -> tuple[int, int, int]:
    names = [KEYPOINT_NAMES[keypoint] for keypoint in keypoints]
    if any(name.startswith("left") for name in names):
        return LEFT_COLOUR
    return RIGHT_COLOUR if any(name.startswith("right") for name in names) else MIDDLE_COLOUR


def _draw_number(picture: np.ndarray, person: BodyEstimate, number: int) -> None:
    """A person's number above their head, or at the picture's edge where that is out of it."""
    x, y, width, _ = person.bbox[0]
    _draw_label(picture, str(number), (round(float(x + width / 2)), round(float(y))), person_colour(number))


def _draw_label(
    picture: np.ndarray, text: str, above: tuple[int, int] | None = None, colour: tuple[int, int, int] = MIDDLE_COLOUR
) -> None:
    """A small line of text on a dark ground, `above` a point or in the lower left corner; nothing where it does not
    fit."""
    height, width = picture.shape[:2]
    scale = max(0.35, 0.34 * _unit(picture.shape))
    thickness = max(1, round(1.2 * scale))
    (text_width, text_height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    pad = text_height // 2 + 2
    wide, tall = text_width + 2 * pad, text_height + below + 2 * pad
    if wide > width or tall > height:
        return
    left, top = (0, height - tall) if above is None else (above[0] - wide // 2, above[1] - tall)
    left, top = min(max(left, 0), width - wide), min(max(top, 0), height - tall)
    ground = picture[top : top + tall, left : left + wide]
    ground[:] = cv2.addWeighted(
        np.ascontiguousarray(ground), 1 - INK_OPACITY, np.full_like(ground, INK), INK_OPACITY, 0
    )
    origin = left + pad, top + tall - below - pad
    cv2.putText(picture, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)
