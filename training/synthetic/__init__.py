"""Synthetic photographs of our own bodies, with exact keypoints and silhouettes, for Human2D to learn from."""
