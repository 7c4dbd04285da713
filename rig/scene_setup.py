"""The scene's own settings: what a photo or a clip would have of them, and when they are not ours to change."""

import bpy

STARTUP_OBJECTS = {"Camera", "Cube", "Light"}
"""What Blender's own startup file holds."""
DEFAULTS = {
    "render.resolution_x": 1920, "render.resolution_y": 1080, "render.fps": 24, "frame_start": 1, "frame_end": 250,
}  # fmt: skip


def in_use(scene: bpy.types.Scene) -> bool:
    """Whether somebody works in this scene: it holds what Blender's startup file does not, or was set up otherwise."""
    if any(scene.path_resolve(path) != value for path, value in DEFAULTS.items()):
        return True
    return any(item.name not in STARTUP_OBJECTS or item.animation_data for item in scene.objects)


def set_photo(image_size: tuple[int, int], camera: bpy.types.Object) -> None:
    """Let the scene render what a photo of `image_size` (width, height) showed, through its camera."""
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y = image_size
    render.resolution_percentage = 100
    render.pixel_aspect_x = render.pixel_aspect_y = 1.0
    bpy.context.scene.camera = camera


def set_time(start_frame: int, frame_count: int, frame_rate: float) -> None:
    """Let the scene span a clip and, if `frame_rate` is not 0, run at its rate; go to its first frame. One picture is
    no clip: with a range of one frame, nothing that comes later would play."""
    scene = bpy.context.scene
    if frame_rate > 0:
        # Blender keeps a whole number over a divisor: 29.97 is 30 / 1.001.
        scene.render.fps = max(round(frame_rate), 1)
        scene.render.fps_base = scene.render.fps / frame_rate
    if frame_count > 1:
        scene.frame_start, scene.frame_end = start_frame, start_frame + frame_count - 1
    scene.frame_set(start_frame)
