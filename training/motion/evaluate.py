"""Do films stand on the ground: `python -m body_from_image.training evaluate-motion`.

Held-out mocap, projected through cameras that stand, look down, have another lens, pan, shake and walk; keypoints with
noise, some lost; through the engine as a film goes. Motions as each frame showed them, smoothed, on the ground, and
refined.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...inference.body.body_estimate import BodyEstimate
from ...inference.clip import MotionOptions, estimate_motion, frames_from_keypoints, join_frames
from ...inference.engine import Engine, Settings
from ...inference.files.frames import InputItem
from ...inference.motion.lifting import Lift, TemporalPrior, frame_by_frame
from ...inference.motion.smooth_motion import STRENGTH, smooth_motion
from ..measure.figures import figures_file, keep
from ..measure.pages import tables_of
from .clips import RATE, SPLITS, TrueClip, held_out_clips
from .figures import clip_figures
from .views import SIZE, VIEWS, View, lasting_keypoints, seen_keypoints, view_of

SOURCE = Path("clip.mp4")
REPORT = Path(__file__).parents[2] / "docs" / "training" / "motion_figures.md"
FIGURES = {
    "slide": "slide of planted feet, mm a frame", "sink": "deepest below its floor, mm", "MPJPE": "MPJPE, mm",
    "accel": "acceleration error, mm/frame²", "pelvis": "… of the pelvis, mm/frame²",
    "path": "path error of the pelvis, %", "tilt": "tilt of the floor, °",
}  # fmt: skip
IN_PERCENT = {"path"}


@dataclass(frozen=True)
class Way:
    """A way to pose a film's frames, and by how much what it says is smoothed."""

    name: str
    lift: Lift
    strength: float = STRENGTH


BY_ITSELF = Way("each frame by itself", frame_by_frame)


def motions(
    engine: Engine, keypoints: np.ndarray, view: View, refine: bool, ways: list[Way]
) -> Iterator[tuple[str, BodyEstimate]]:
    """A clip's keypoints (F, 25, 3) as they are posed in some ways, smoothed, on the ground, and refined, by name."""
    frames = [
        replace(frame, turn=turn)
        for frame, turn in zip(frames_from_keypoints(engine, keypoints, SIZE, SOURCE), view.turns, strict=True)
    ]
    for way in ways:
        before = "" if way is BY_ITSELF else f"{way.name}, "
        engine.lift_clip = way.lift
        raw = join_frames(engine, frames, RATE, SOURCE).estimate
        yield way.name, raw
        yield before + "smoothed", smooth_motion(raw, engine.body, way.strength)
        yield before + "on the ground", smooth_motion(raw, engine.body, way.strength, keep_feet=True)
        if refine:
            first, options = InputItem(SOURCE.stem, SOURCE, fps=RATE), MotionOptions(strength=way.strength)
            refined = estimate_motion(engine, frames, first, options, True)
            yield before + "refined, on the ground", refined.estimate


def measure(
    engine: Engine, clips: list[TrueClip], views: list[str], ways: list[Way], refine: bool, lasting: bool
) -> dict[str, dict[str, list[dict[str, float]]]]:
    """Figures of clips, by camera and by motion. Errors of keypoints are noise, or of a detector and `lasting`."""
    found: dict[str, dict[str, list[dict[str, float]]]] = {view: {} for view in views}
    for number, clip in enumerate(clips):
        for kind in views:
            seed = 100 * number + VIEWS.index(kind)
            view = view_of(clip, kind, np.random.default_rng(seed))
            keypoints = (lasting_keypoints if lasting else seen_keypoints)(clip, view, np.random.default_rng(seed))
            for name, motion in motions(engine, keypoints, view, refine, ways):
                figures = clip_figures(engine.body, motion, clip, view)
                found[kind].setdefault(name, []).append({"clip": clip.name} | figures)
    return found


def table(found: dict[str, dict[str, list[dict[str, float]]]]) -> str:
    """Means over clips, and the worst of the feet in brackets, as Markdown."""
    lines = ["| camera | motion | " + " | ".join(FIGURES.values()) + " |", "| --- | --- |" + " ---: |" * len(FIGURES)]
    for view, by_motion in found.items():
        for name, clips in by_motion.items():
            lines.append(f"| {view} | {name} | " + " | ".join(_cell(clips, figure) for figure in FIGURES) + " |")
    return "\n".join(lines)


def _cell(clips: list[dict[str, float]], figure: str) -> str:
    values = np.array([clip[figure] for clip in clips]) * (100 if figure in IN_PERCENT else 1)
    if np.isnan(values).all():
        return "–"
    mean = f"{np.nanmean(values):.1f}"
    return f"{mean} ({np.nanmax(values):.1f})" if figure in ("slide", "sink") else mean


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="evaluate-motion", description=__doc__.splitlines()[0])
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--views", nargs="+", choices=VIEWS, default=list(VIEWS))
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th clip")
    parser.add_argument("--no-refine", dest="refine", action="store_false", help="leave the refinement out")
    parser.add_argument("--lasting", action="store_true", help="errors of a detector that last, instead of noise")
    parser.add_argument("--temporal", type=Path, metavar="ONNX", help="another temporal prior than the one that ships")
    parser.add_argument("--strength", type=float, default=STRENGTH, help="by which that is smoothed, too")
    parser.add_argument("--each", action="store_true", help="print every clip's figures, as JSON")
    parser.add_argument("--write", action="store_true", help=f"write the table to docs/training/{REPORT.name}")
    options = parser.parse_args(arguments)
    engine = Engine(Settings(device="cpu", threads=1))
    ways = [BY_ITSELF, Way("temporal prior", TemporalPrior(options.temporal), options.strength)]
    clips = held_out_clips(engine.body, options.split, options.every)
    found = measure(engine, clips, options.views, ways, options.refine, options.lasting)
    if options.each:
        print(json.dumps(found, indent=1))
    print(table(found))
    if options.write:
        REPORT.write_text(REPORT.read_text().split("| camera |")[0] + table(found) + "\n")
        keep(figures_file(REPORT.stem), "evaluate-motion", arguments, tables_of(table(found))[""])
