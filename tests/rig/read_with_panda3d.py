"""Run as a script: read exported files in a game engine that is not Blender (Panda3D, through assimp), write npz.

`python read_with_panda3d.py FILE OUT.npz [FILE OUT.npz …]`. Panda3D keeps the file's own axes (y up) and metres.
"""

import sys

import numpy as np
from panda3d import core

core.load_prc_file_data(
    "",
    "load-file-type p3assimp\nload-file-type glb p3assimp\nassimp-collapse-dummy-nodes 0\ninterpolate-frames 0\n"
    "notify-level-assimp error\n",
)


def joints_below(group, above=None):
    """(joint, where it is when no clip plays) for all joints below `group`, parents first.

    In a file whose bind pose is the rest pose, that is the rest pose. Panda3D's vectors are rows.
    """
    above = np.eye(4) if above is None else above
    found = []
    if isinstance(group, core.CharacterJoint):
        above = np.array(group.get_default_value()).reshape(4, 4) @ above
        found = [(group, above[3, :3])]
    return found + [pair for child in group.get_children() for pair in joints_below(child, above)]


def net_positions(joints):
    matrices = [core.LMatrix4() for _ in joints]
    for joint, matrix in zip(joints, matrices, strict=True):
        joint.get_net_transform(matrix)
    return [list(matrix.get_row3(3)) for matrix in matrices]


def skinned_vertices(geom_node):
    data = geom_node.get_geom(0).get_vertex_data().animate_vertices(True, core.Thread.get_current_thread())
    reader = core.GeomVertexReader(data, "vertex")
    return [list(reader.get_data3()) for _ in range(data.get_num_rows())]


def describe(file):
    options = core.LoaderOptions(core.LoaderOptions.LF_no_cache)
    root = core.NodePath(core.Loader.get_global_ptr().load_sync(core.Filename(file), options))
    (character,) = [path.node() for path in root.find_all_matches("**/+Character")]
    joints, rest = zip(*joints_below(character.get_bundle(0)), strict=True)
    controls = core.AnimControlCollection()
    core.auto_bind(root.node(), controls, 0xFF)
    clip = controls.get_anim(0)
    skin = root.find("**/+GeomNode").node()
    positions, vertices = [], []
    for frame in range(clip.get_num_frames()):
        clip.pose(frame)
        character.force_update()
        positions.append(net_positions(joints))
        vertices.append(skinned_vertices(skin))
    return {
        "clips": controls.get_num_anims(),
        "bones": [joint.get_name() for joint in joints],
        "rest": np.array(rest),
        "joints": np.array(positions),
        "vertices": np.array(vertices),
    }


for path, out in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    np.savez(out, **describe(path))
