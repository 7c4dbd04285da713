"""Numbers to Blender datablocks: armature, mesh, shape keys, action, camera. Importing the package does not need bpy."""
