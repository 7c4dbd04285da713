"""The page that the evaluation writes: one table for each question, in Markdown."""

import numpy as np

from ....inference.geometry.joints import KEYPOINT_INDEX, KEYPOINT_NAMES, MPII_COUNT
from ....inference.networks.person import MIN_PRESENCE
from ...data.photos2d import LabelledCrop
from ...measure.keypoints2d import (  # fmt: skip
    box_lengths,
    calibration_error,
    head_lengths,
    pck,
    relative_errors,
    reliability,
    silhouette_iou,
)
from .answers import confidences, masks, points
from .beside import NAME as MEDIAPIPE
from .breakdown import KINDS, pck_of_groups, shares_of_kinds
from .cut_off import cut_figures
from .finding import OVERLAP, findings, meaning_of_score, overlap, refusals
from .methods import Method, Pictures, Speeds
from .movenet_pose import NAME as MOVENET

NOTES = """\
Validation split of photos2d (400 lspet, 80 ccp), all 73 crops of coco128, and photos3d (90 frames): nothing is
trained, calibrated or chosen on them. (coco128 is an exception: the first weights had
seen its crops in training, and those that ship descend from them.) PCK is
over the 12 limb joints; labels of ccp, stanford40 and everyday (people2d's held-out crops) are networks', not people's,
everyday's are MoveNet's own; in everyday's pictures there often are others, and whole-picture methods take the most
prominent; photos3d is one man in a dark suit. PCKh@0.5 takes upper_neck to head_top for the head segment. A person who
is not found counts as all wrong, and as IoU 0. *Engine* is what a user gets: everybody is looked for, and the most
prominent person is looked at twice. MoveNet is Thunder in the given box and, in whole pictures, in the box of the most
prominent of MultiPose's people; it has no silhouettes. MediaPipe is given the same crops as they are, with
`model_complexity=1` and `min_detection_confidence=0.1`. Composed scenes are not photos: people cut out of validation
crops (ccp by people's silhouettes, lspet by MediaPipe's) and put onto views of panoramas, half of them with somebody
smaller beside them; sizes are the person's height over the picture's. People are cut off by ending lspet's and ccp's
pictures at a random place of the person's box, mostly below; limb joints beyond the edge that a method claims to see
are made up (refused pictures not counted)."""


def table(header: list[str], rows: list[list[object]]) -> str:
    """A Markdown table; floats with three decimals, NaN and None as a dash."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def main_table(methods: list[Method], crops: dict[str, list[LabelledCrop]]) -> str:
    """Keypoints and silhouettes on every source."""
    header = ["method", "lspet PCK@0.2", "PCK@0.1 box", "PCKh@0.5", "found", "ccp PCK@0.2", "ccp IoU", "coco128 IoU",
              "photos3d PCK@0.2", "PCK@0.1 box", "found", "stanford40 PCK@0.2", "everyday PCK@0.2"]  # fmt: skip
    rows = []
    for method in methods:
        given = method.answers
        place = {name: points(answers) for name, answers in given.items() if name in crops}
        lspet, solo = crops["lspet"], crops["photos3d"]
        rows.append([
            method.name,
            pck(relative_errors(place["lspet"], lspet)),
            pck(relative_errors(place["lspet"], lspet, box_lengths), threshold=0.1),
            pck(relative_errors(place["lspet"], lspet, head_lengths), threshold=0.5),
            _share_found(given["lspet"]),
            pck(relative_errors(place["ccp"], crops["ccp"])),
            _iou(given["ccp"], crops["ccp"]),
            _iou(given["coco128"], crops["coco128"]),
            pck(relative_errors(place["photos3d"], solo)),
            pck(relative_errors(place["photos3d"], solo, box_lengths), threshold=0.1),
            _share_found(given["photos3d"]),
            *(pck(relative_errors(place[name], crops[name])) for name in ("stanford40", "everyday")),
        ])  # fmt: skip
    return table(header, rows)


def _iou(answers: list, crops: list[LabelledCrop]) -> float | None:
    """None of a method that has no silhouettes."""
    found = masks(answers)
    return silhouette_iou(found, crops) if any(one.any() for one in found) else None


def _share_found(answers: list) -> float:
    return float(np.mean([one.found for one in answers]))


def joint_table(methods: list[Method], crops: list[LabelledCrop]) -> str:
    """PCK@0.2 of each of MPII's keypoints."""
    errors = [relative_errors(points(method.answers["lspet"]), crops) for method in methods]
    rows = []
    for name in KEYPOINT_NAMES[:MPII_COUNT]:
        index = KEYPOINT_INDEX[name]
        shares = [
            pck(error, np.array([index])) if method.sees[index] else None
            for method, error in zip(methods, errors, strict=True)
        ]
        rows.append([name, *shares])
    return table(["lspet, PCK@0.2", *(method.name for method in methods)], rows)


def further_table(methods: list[Method], taught: dict[str, list[LabelledCrop]]) -> str | None:
    """The keypoints beyond MPII's against MediaPipe's; None when no network knows them."""
    methods = [method for method in methods if not method.searches and method.sees[MPII_COUNT:].all()]
    if not methods:
        return None
    columns = [(method, name) for method in methods for name in taught]
    errors = [relative_errors(points(method.answers[name]), taught[name]) for method, name in columns]
    rows = [
        [KEYPOINT_NAMES[joint], *(pck(error, np.array([joint])) for error in errors)]
        for joint in range(MPII_COUNT, len(KEYPOINT_NAMES))
    ]
    return table(["within .2 torso of MediaPipe's", *(f"{name}: {method.name}" for method, name in columns)], rows)


def calibration_tables(methods: list[Method], crops: dict[str, list[LabelledCrop]]) -> str:
    """Expected calibration error by source, and confidence against the share that is right on lspet."""
    labelled = [name for name in crops if name != "coco128"]
    errors = {
        (method.name, name): relative_errors(points(method.answers[name]), crops[name])
        for method in methods
        for name in labelled
    }
    gaps = [
        [method.name, *(calibration_error(confidences(method.answers[name]), errors[method.name, name])
                        for name in labelled)]
        for method in methods
    ]  # fmt: skip
    lows = np.arange(0, 1, 0.1)
    shares = []
    for method in methods:
        parts = reliability(confidences(method.answers["lspet"]), errors[method.name, "lspet"])
        told = {round(part.low, 1): f"{part.right:.2f} ({part.count})" for part in parts}
        shares.append([method.name, *(told.get(round(low, 1)) for low in lows)])
    header = ["lspet: share right (keypoints)", *(f"confidence ≥ {low:.1f}" for low in lows)]
    return table(["expected calibration error", *labelled], gaps) + "\n" + table(header, shares)


def breakdown_tables(methods: list[Method], crops: dict[str, list[LabelledCrop]]) -> str:
    """Kinds of errors on lspet and photos3d, and PCK by how the person is turned on lspet."""
    shares = {
        (name, method.name): shares_of_kinds(points(method.answers[name]), crops[name])
        for name in ("lspet", "photos3d")
        for method in methods
    }
    kinds = [[f"{source}: {name}", *(values[kind] for kind in KINDS)] for (source, name), values in shares.items()]
    groups = [pck_of_groups(points(method.answers["lspet"]), crops["lspet"]) for method in methods]
    poses = [[group, groups[0][group][0], *(each[group][1] for each in groups)] for group in groups[0]]
    return (
        table(["share of limb joints", *KINDS], kinds)
        + "\n"
        + table(["lspet, PCK@0.2", "pictures", *(method.name for method in methods)], poses)
    )


def finding_tables(methods: list[Method], pictures: Pictures) -> str:
    """The person's box in composed scenes, in photos3d's frames, and where nobody is."""
    methods = [method for method in methods if method.searches]
    by_method = [findings(method.answers["scenes"], pictures.scenes) for method in methods]
    header = ["composed scenes", "pictures"]
    for method in methods:
        header += [f"{method.name}: found (IoU ≥ {OVERLAP})", "mean IoU", "other person", "PCK@0.2"]
    rows = [
        [group, first.count, *(value for each in by_method for value in (
            each[group].found, each[group].overlap, each[group].other, each[group].pck))]
        for group, first in by_method[0].items()
    ]  # fmt: skip
    elsewhere = []
    for method in methods:
        frames = [
            one.found * overlap(one.box, crop.box)
            for one, crop in zip(method.answers["photos3d"], pictures.crops["photos3d"], strict=True)
        ]
        elsewhere.append([
            method.name, float(np.mean(frames)), _share_found(method.answers["empty"]),
            f"{sum(one.found for one in method.answers['photos'])} of {len(pictures.photos)}",
        ])  # fmt: skip
    second = table(
        ["method", "photos3d, mean IoU of the box", f"false alarms ({len(pictures.empty)} pictures without people)",
         "demo photos with somebody found"], elsewhere,
    )  # fmt: skip
    return table(header, rows) + "\n" + second


def cut_table(methods: list[Method], pictures: Pictures) -> str:
    """People whom the picture's edge cuts off."""
    rows = []
    for name, cut in pictures.cut.items():
        for method in methods:
            if method.searches:
                figures = cut_figures(method.answers[f"{name}, cut off"], cut)
                rows.append([f"{name}: {method.name}", figures.count, figures.found, figures.pck, figures.made_up])
    header = ["source and method", "pictures", "found", "PCK@0.2 of what is left", "made up beyond the edge"]
    return table(header, rows)


def score_tables(methods: list[Method], pictures: Pictures) -> str:
    """What thresholds of the engine's score would do, and how good keypoints are at each score."""
    parts = []
    for method in methods:
        if not method.searches or method.name == MEDIAPIPE:
            continue
        given = method.answers
        rows = [
            [f"{one.threshold:.2f}", one.missed, one.wrong, one.false_alarms]
            for one in refusals(given["scenes"], pictures.scenes, given["empty"], np.arange(0.1, 0.96, 0.1))
        ]
        header = [f"{method.name}: presence below which it refuses (now {MIN_PRESENCE:.2f})", "right person refused",
                  "wrong place let through", "false alarms"]  # fmt: skip
        parts.append(table(header, rows))
        meaning = [
            [f"≥ {part.low:.2f}", part.count, part.pck, part.bad]
            for part in meaning_of_score(given["lspet"], pictures.crops["lspet"], np.arange(0, 1, 0.1))
        ]
        header = [f"{method.name}: score on lspet", "pictures", "PCK@0.2", "share with less than half right"]
        parts.append(table(header, meaning))
    return "\n".join(parts)


def speed_table(speeds: Speeds, load: str) -> str:
    """Milliseconds of one crop."""
    rows = [[name, _milliseconds(value), _milliseconds(speeds.cuda.get(name))] for name, value in speeds.cpu.items()]
    return table([f"one crop, ms ({load})", "processor, 2 threads", "CUDA"], rows)


def _milliseconds(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.1f}"


def page(methods: list[Method], pictures: Pictures, taught: dict, speeds: Speeds, load: str) -> str:
    """The whole report."""
    ours = [method for method in methods if method.name != MEDIAPIPE and not method.name.startswith(MOVENET)]
    sections = {
        "Keypoints and silhouettes": main_table(methods, pictures.crops),
        "Joint by joint": joint_table(methods, pictures.crops["lspet"]),
        "Nose, ears, heels, toes and knuckles": further_table(ours, taught),
        "What confidence means": calibration_tables(ours, pictures.crops),
        "Kinds of errors": breakdown_tables(methods, pictures.crops),
        "Finding the person": finding_tables(methods, pictures),
        "People whom the picture's edge cuts off": cut_table(methods, pictures),
        "Thresholds of the score": score_tables(methods, pictures),
        "Speed": speed_table(speeds, load),
    }
    told = "\n".join(f"## {title}\n\n{text}" for title, text in sections.items() if text)
    return f"# Human2D, measured\n\n{NOTES}\n{told}"
