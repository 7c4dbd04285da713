"""Honest figures for Human2D: on what, by whom, by which metrics, told in one page."""
