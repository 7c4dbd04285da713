"""A Debian in a folder, with a Blender that has a window: made once, and used in a mount namespace of its own.

Whatever is mounted in that namespace is gone when the last process in it ends, however it ends.
"""

import os
import shutil
import subprocess
from pathlib import Path

PACKAGES = (
    "blender", "xvfb", "xauth", "libgl1-mesa-dri", "libegl1", "python3-numpy", "imagemagick", "xdotool",
    "python3-xlib",
)  # fmt: skip
NEEDED = (
    "usr/bin/blender",
    "usr/bin/xvfb-run",
    "usr/bin/xdotool",
    "usr/bin/import",
    "usr/lib/python3/dist-packages/Xlib",
)
RELEASE = "trixie"
EXCHANGE, SMALL = "mnt/exchange", "mnt/small"
"""Where the Debian finds the exchange folder, and a disk of `SMALL_SIZE` that is soon full."""
SMALL_SIZE = "64k"
SCREEN = (1280, 800)

_INSIDE = f"""
set -e
mount -t proc proc "$0/proc"
mount --bind "$1" "$0/{EXCHANGE}"
mount -t tmpfs -o size={SMALL_SIZE} tmpfs "$0/{SMALL}"
root=$0
shift
chroot "$root" "$@"
"""


class NotHere(Exception):
    """Why there can be no such Debian here."""


def prepare(root: Path) -> None:
    """Make the Debian at `root`, unless it is there. Raises NotHere."""
    if os.geteuid() != 0:
        raise NotHere("A change of root needs root's rights.")
    if not shutil.which("unshare"):
        raise NotHere("There is no unshare (util-linux) here.")
    if not (root / "etc/debian_version").exists():
        _make(root)
    missing = [file for file in NEEDED if not os.path.lexists(root / file)]  # links lead elsewhere from outside
    if missing:
        raise NotHere(f"The Debian in {root} lacks {missing[0]}; it needs the packages {', '.join(PACKAGES)}.")
    for folder in (EXCHANGE, SMALL):
        (root / folder).mkdir(parents=True, exist_ok=True)


def _make(root: Path) -> None:
    maker = shutil.which("mmdebstrap") or shutil.which("debootstrap")
    if maker is None:
        raise NotHere(f"There is no Debian in {root}, and neither mmdebstrap nor debootstrap to make it.")
    root.parent.mkdir(parents=True, exist_ok=True)
    include = f"--include={','.join(PACKAGES)}"
    variant = "--variant=apt" if maker.endswith("mmdebstrap") else "--variant=minbase"
    done = subprocess.run([maker, variant, include, RELEASE, str(root)], capture_output=True, text=True)
    if done.returncode:
        shutil.rmtree(root, ignore_errors=True)
        raise NotHere(f"{Path(maker).name} failed: {done.stderr.strip()[-500:]}")


def run_blender(root: Path, exchange: Path, script: str, *arguments: str, timeout: int) -> subprocess.CompletedProcess:
    """Run Blender with a window on a screen that nobody sees. `script` and what `arguments` name lie in `exchange`,
    which is /mnt/exchange inside. Every process that was started is gone afterwards."""
    inside = f"/{EXCHANGE}"
    command = [
        "env", "LIBGL_ALWAYS_SOFTWARE=1", f"HOME={inside}", f"BLENDER_USER_RESOURCES={inside}/blender",
        "xvfb-run", "-a", "-s", "-screen 0 {}x{}x24".format(*SCREEN),
        "blender", "--factory-startup", "--window-geometry", "0", "0", *map(str, SCREEN),
        "--python", f"{inside}/{script}", "--", *arguments,
    ]  # fmt: skip
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _INSIDE, str(root), str(exchange)]
    return subprocess.run([*unshare, *command], capture_output=True, text=True, timeout=timeout)
