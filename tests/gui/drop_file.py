"""Drag a file from a window of our own and drop it on another one, by the XDND protocol, version 5.

`python3 drop_file.py FILE … X Y`: on the window that is at X, Y of the screen. Needs python3-xlib.
"""

import sys
import time

from Xlib import X, Xatom, display
from Xlib.protocol import event

*FILES, X_AT, Y_AT = sys.argv[1:]
PLACE = int(X_AT) << 16 | int(Y_AT)
PATIENCE = 10.0

screen = display.Display()
root = screen.screen().root
source = root.create_window(0, 0, 10, 10, 0, screen.screen().root_depth, event_mask=X.PropertyChangeMask)
atom = screen.intern_atom
AWARE, URIS = atom("XdndAware"), atom("text/uri-list")


def aware_window(window):
    """The window below `window` that takes drops."""
    if window.get_full_property(AWARE, X.AnyPropertyType):
        return window
    for child in window.query_tree().children:
        found = aware_window(child)
        if found:
            return found
    return None


def send(kind, *data):
    values = [source.id, *data, 0, 0, 0, 0][:5]
    message = event.ClientMessage(window=target, client_type=atom(kind), data=(32, values))
    target.send_event(message, event_mask=0)
    screen.flush()


def wait_for(kind):
    """Answer requests for the file's name until a message of this kind comes."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if not screen.pending_events():
            time.sleep(0.01)
            continue
        happened = screen.next_event()
        if happened.type == X.SelectionRequest:
            hand_over(happened)
        elif happened.type == X.ClientMessage and happened.client_type == atom(kind):
            return
    sys.exit(f"no {kind} came")


def hand_over(request):
    text = "".join(f"file://{file}\r\n" for file in FILES).encode()
    request.requestor.change_property(request.property, request.target, 8, text)
    notice = event.SelectionNotify(
        time=request.time, requestor=request.requestor, selection=request.selection, target=request.target,
        property=request.property,
    )  # fmt: skip
    request.requestor.send_event(notice)
    screen.flush()


target = aware_window(root)
source.change_property(AWARE, Xatom.ATOM, 32, [5])
source.set_selection_owner(atom("XdndSelection"), X.CurrentTime)
send("XdndEnter", 5 << 24, URIS)
for _ in range(3):
    send("XdndPosition", 0, PLACE, X.CurrentTime, atom("XdndActionCopy"))
    wait_for("XdndStatus")
    time.sleep(0.3)
send("XdndDrop", 0, X.CurrentTime)
wait_for("XdndFinished")
