"""A small reader of binary glTF by its specification, with numpy alone: where each vertex of the skin is in each frame.

No library that evaluates morph targets and skins together runs without a window, so this does, in forty lines.
"""

import json
import struct

import numpy as np

TYPES = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Gltf:
    def __init__(self, path):
        data = path.read_bytes()
        (length,) = struct.unpack_from("<I", data, 12)
        self.content = json.loads(data[20 : 20 + length])
        self.binary = data[20 + length + 8 :]

    def array(self, index):
        accessor = self.content["accessors"][index]
        dtype, width = np.dtype(TYPES[accessor["componentType"]]), WIDTHS[accessor["type"]]
        values = np.zeros((accessor["count"], width), dtype)
        if "bufferView" in accessor:
            values[:] = self._read(accessor["bufferView"], dtype, accessor["count"] * width).reshape(-1, width)
        if "sparse" in accessor:
            count, places = accessor["sparse"]["count"], accessor["sparse"]["indices"]
            where = self._read(places["bufferView"], np.dtype(TYPES[places["componentType"]]), count)
            found = self._read(accessor["sparse"]["values"]["bufferView"], dtype, count * width)
            values[where] = found.reshape(-1, width)
        return values

    def _read(self, view, dtype, count):
        offset = self.content["bufferViews"][view].get("byteOffset", 0)
        return np.frombuffer(self.binary, dtype, count, offset)

    def frames(self):
        """The animation's channels: {(node, path): (times, values)}."""
        (animation,) = self.content["animations"]
        return {
            (channel["target"]["node"], channel["target"]["path"]): tuple(
                self.array(animation["samplers"][channel["sampler"]][end]) for end in ("input", "output")
            )
            for channel in animation["channels"]
        }

    def vertices(self, time):
        """(V, 3) at `time` seconds, which must be one of the keys'."""
        channels = self.frames()
        (skinned,) = [number for number, node in enumerate(self.content["nodes"]) if "skin" in node]
        node = self.content["nodes"][skinned]
        (primitive,) = self.content["meshes"][node["mesh"]]["primitives"]
        points = self.array(primitive["attributes"]["POSITION"]).astype(float)
        targets = [self.array(target["POSITION"]) for target in primitive.get("targets", [])]
        if targets:
            times, weights = channels[skinned, "weights"]
            key = np.abs(times[:, 0] - time).argmin()
            points = points + np.tensordot(weights.reshape(len(times), -1)[key], np.array(targets), 1)
        skin = self.content["skins"][node["skin"]]
        worlds = self._worlds(channels, time)
        inverse = self.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).swapaxes(1, 2)
        bones = np.array([worlds[joint] for joint in skin["joints"]]) @ inverse
        weights = self.array(primitive["attributes"]["WEIGHTS_0"])
        blended = np.einsum("vk,vkij->vij", weights, bones[self.array(primitive["attributes"]["JOINTS_0"])])
        return np.einsum("vij,vj->vi", blended[:, :3], np.column_stack([points, np.ones(len(points))]))

    def _worlds(self, channels, time):
        worlds = {}

        def visit(number, above):
            node = self.content["nodes"][number]
            parts = {}
            for path, default in (("translation", [0, 0, 0]), ("rotation", [0, 0, 0, 1]), ("scale", [1, 1, 1])):
                parts[path] = np.array(node.get(path, default), float)
                if (number, path) in channels:
                    times, values = channels[number, path]
                    parts[path] = values[np.abs(times[:, 0] - time).argmin()].astype(float)
            local = np.eye(4)
            local[:3, :3] = _matrix(parts["rotation"]) * parts["scale"]
            local[:3, 3] = parts["translation"]
            worlds[number] = above @ local
            for child in node.get("children", []):
                visit(child, worlds[number])

        for root in self.content["scenes"][0]["nodes"]:
            visit(root, np.eye(4))
        return worlds


def _matrix(quaternion):
    x, y, z, w = quaternion / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
