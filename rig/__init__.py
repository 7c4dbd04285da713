"""Numbers to Blender datablocks: armature, mesh, shape keys, action, camera. Importing this package needs no bpy."""
