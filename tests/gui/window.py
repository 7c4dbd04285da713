"""Plays a scenario in Blender's window: real mouse and keys, pauses in which Blender goes on, screenshots.

A scenario is a generator. It yields seconds to wait, or a condition to wait for. What it notes in `facts` is written to
facts.json when it ends, with the traceback when it failed.
"""

import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

EXCHANGE = Path("/mnt/exchange")
PACKAGE = "bl_ext.user_default.body_from_image"
TICK = 0.01
TOO_LONG = 60.0
HOVER, SETTLED = 0.06, 0.4
WHEEL_UP, WHEEL_DOWN = 4, 5
SCROLL = (0, 8, 8, -40)
"""Notches of the wheel before each search of the sidebar."""

facts: dict[str, object] = {}


def play(scenario: Callable[[], Iterator]) -> None:
    """Run `scenario` once the window is there, then quit."""
    bpy.context.preferences.view.show_splash = False
    bpy.context.preferences.view.ui_scale = 1.0
    steps, state = scenario(), {"until": time.monotonic() + 1.0, "ready": None}

    def tick():
        try:
            now = time.monotonic()
            if state["ready"] is not None and not state["ready"]():
                if now > state["until"]:
                    raise TimeoutError("what was waited for did not happen")
                return TICK
            if state["ready"] is None and now < state["until"]:
                return TICK
            wanted = next(steps)
            condition = callable(wanted)
            state["ready"] = wanted if condition else None
            state["until"] = time.monotonic() + (TOO_LONG if condition else wanted)
            return TICK
        except StopIteration:
            pass
        except BaseException:
            facts["fault"] = traceback.format_exc()
            screenshot("fault")
        (EXCHANGE / "facts.json").write_text(json.dumps(facts, default=str))
        bpy.ops.wm.quit_blender()
        return None

    bpy.app.timers.register(tick, persistent=True)


def install(zip_file: str) -> None:
    """Install the extension as a user does."""
    bpy.ops.extensions.package_install_files(
        filepath=str(EXCHANGE / zip_file), repo="user_default", enable_on_install=True, overwrite=True
    )


def module(name: str):
    """One of the extension's modules, such as `operators.estimation`."""
    return sys.modules[f"{PACKAGE}.{name}"]


def view() -> tuple[bpy.types.Window, bpy.types.Area]:
    """The window and its 3D view."""
    window = bpy.context.window_manager.windows[0]
    return window, next(area for area in window.screen.areas if area.type == "VIEW_3D")


def region(kind: str) -> bpy.types.Region:
    return next(region for region in view()[1].regions if region.type == kind)


def override(kind: str = "WINDOW"):
    """Context of a region of the 3D view."""
    window, area = view()
    return bpy.context.temp_override(window=window, area=area, region=region(kind))


def show_sidebar() -> Iterator:
    """Open the sidebar, wide enough, at our tab."""
    _, area = view()
    area.spaces.active.show_region_ui = True
    area.tag_redraw()
    yield 0.5
    region("UI").active_panel_category = "Body from Image"
    area.tag_redraw()
    yield 0.3


def xdotool(*arguments: object) -> None:
    subprocess.run(["xdotool", *map(str, arguments)], check=True)


def screen_height() -> int:
    return bpy.context.window_manager.windows[0].height


def move(x: float, y: float) -> None:
    """Put the mouse at a point of the window, y up as Blender counts."""
    xdotool("mousemove", round(x), screen_height() - 1 - round(y))


def drag(x: float, y: float, to_x: float, to_y: float) -> Iterator:
    """Press the left button at a point, move on in small steps, and let go."""
    move(x, y)
    yield 0.2
    xdotool("mousedown", 1)
    for step in range(1, 11):
        yield 0.05
        move(x + (to_x - x) * step / 10, y + (to_y - y) * step / 10)
    yield 0.3
    xdotool("mouseup", 1)
    yield 0.2


def drop(*files: Path) -> Iterator:
    """Drop files on the 3D view, and choose our entry of the menu that Blender shows."""
    place = region("WINDOW")
    x, y = place.x + place.width * 0.3, place.y + place.height * 0.4
    move(x, y)
    yield 0.3
    script = Path(__file__).with_name("drop_file.py")
    numbers = str(round(x)), str(round(screen_height() - y))
    dropping = subprocess.Popen(["python3", str(script), *map(str, files), *numbers], stdout=subprocess.PIPE, text=True)
    yield lambda: dropping.poll() is not None
    if dropping.returncode:
        raise RuntimeError(dropping.stdout.read())
    yield 1.0
    xdotool("key", "e")  # "Estimate Body from Image"


def find(wanted: str, across: float = 0.6) -> Iterator:
    """Run the mouse down the sidebar until it is over a button whose Python command or data path has `wanted` in it,
    turning the wheel where the sidebar goes on. The mouse stays there. Returns where that is."""
    for notches in SCROLL:
        place = region("UI")
        x = place.x + place.width * across
        for _ in range(abs(notches)):
            xdotool("click", WHEEL_DOWN if notches > 0 else WHEEL_UP)
        yield HOVER
        for y in range(place.y + place.height - 10, place.y, -10):
            move(x, y)
            yield HOVER
            if wanted in _under_mouse():
                yield SETTLED  # it may be the button that the mouse has just left
                if wanted in _under_mouse():
                    return x, y
    raise LookupError(f"{wanted} is not in the sidebar")


def _under_mouse() -> str:
    """What Blender itself would copy from the button under the mouse."""
    manager = bpy.context.window_manager
    manager.clipboard = ""
    with override("UI"):
        for copy in (bpy.ops.ui.copy_python_command_button, bpy.ops.ui.copy_data_path_button):
            if copy.poll():
                copy()
    return manager.clipboard


def screenshot(name: str) -> None:
    bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
    subprocess.run(["import", "-window", "root", str(EXCHANGE / f"{name}.png")], check=True)


def sidebar_screenshot(name: str) -> None:
    """The sidebar alone, as the golden pictures show it."""
    place = region("UI")
    top = screen_height() - (place.y + place.height)
    screenshot(name)
    file = str(EXCHANGE / f"{name}.png")
    crop = f"{place.width}x{place.height}+{place.x}+{top}"
    subprocess.run(["convert", file, "-crop", crop, "+repage", file], check=True)
