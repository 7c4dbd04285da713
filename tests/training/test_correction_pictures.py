"""The picture of docs/correct.md: an estimate that is plainly wrong, and right after three moves."""

import re
from pathlib import Path

import cv2
from body_from_image.training.correction_pictures import main

SHOWN = Path(__file__).parents[2] / "docs" / "images" / "three_moves.jpg"


def test_three_moves_put_the_pose_right(tmp_path, capsys):
    main([str(tmp_path / "moves.jpg")])
    told = capsys.readouterr().out
    mean, most = ([float(number) for number in re.findall(rf"{word} (\.?[\d.]+) ", told)] for word in ("by", "most"))
    assert len(mean) == len(most) == 4
    assert most[0] > 0.8 and most[3] < 0.25 and mean == sorted(mean, reverse=True)
    drawn, shown = (cv2.imread(str(file)) for file in (tmp_path / "moves.jpg", SHOWN))
    assert drawn.shape == shown.shape and SHOWN.stat().st_size < 100_000
