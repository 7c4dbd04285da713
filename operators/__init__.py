"""One file for each thing that a person does, on names that scripts rely on: `bpy.ops.body_from_image.…`."""


def register() -> None:
    from . import doubt_row, live_shape, preview, run_state

    run_state.register()
    _class_factory()[0]()
    live_shape.register()
    doubt_row.register()
    preview.register()


def unregister() -> None:
    from . import doubt_row, estimation, live_shape, preview, run_state

    preview.unregister()
    doubt_row.unregister()
    live_shape.unregister()
    _class_factory()[1]()
    run_state.unregister()
    estimation.shut_down()


def _class_factory():
    """Functions that register and unregister the operators. Imported late: the worker's client needs no Blender."""
    import bpy

    from .cancel import BODY_FROM_IMAGE_OT_cancel
    from .correct import (
        BODY_FROM_IMAGE_OT_correct,
        BODY_FROM_IMAGE_OT_next_doubtful_frame,
        BODY_FROM_IMAGE_OT_reset_correction,
    )
    from .correct_mode import BODY_FROM_IMAGE_OT_correct_mode
    from .draw_box import BODY_FROM_IMAGE_OT_draw_box
    from .drop_image import BODY_FROM_IMAGE_FH_drop_image, BODY_FROM_IMAGE_OT_drop_image
    from .estimate import BODY_FROM_IMAGE_OT_estimate
    from .estimate_sequence import BODY_FROM_IMAGE_OT_estimate_sequence
    from .export_bvh import BODY_FROM_IMAGE_OT_export_bvh
    from .export_fbx import BODY_FROM_IMAGE_OT_export_fbx
    from .export_glb import BODY_FROM_IMAGE_OT_export_glb
    from .export_npz import BODY_FROM_IMAGE_OT_export_npz
    from .fit_bones import BODY_FROM_IMAGE_OT_fit_bones
    from .flip_in_depth import BODY_FROM_IMAGE_OT_flip_in_depth
    from .import_npz import BODY_FROM_IMAGE_OT_import_npz
    from .next_hypothesis import BODY_FROM_IMAGE_OT_next_hypothesis
    from .pose_asset import BODY_FROM_IMAGE_OT_mark_pose_asset
    from .pose_correctives import BODY_FROM_IMAGE_OT_pose_correctives
    from .reduce_keys import BODY_FROM_IMAGE_OT_reduce_keys
    from .refine import BODY_FROM_IMAGE_OT_refine
    from .resmooth import BODY_FROM_IMAGE_OT_smooth_motion
    from .retarget import BODY_FROM_IMAGE_OT_retarget, BODY_FROM_IMAGE_OT_save_bone_map
    from .show_photo import BODY_FROM_IMAGE_OT_show_photo
    from .stand_on_ground import BODY_FROM_IMAGE_OT_stand_on_ground
    from .try_python import BODY_FROM_IMAGE_OT_test_python

    return bpy.utils.register_classes_factory(
        (
            BODY_FROM_IMAGE_OT_estimate,
            BODY_FROM_IMAGE_OT_estimate_sequence,
            BODY_FROM_IMAGE_OT_smooth_motion,
            BODY_FROM_IMAGE_OT_reduce_keys,
            BODY_FROM_IMAGE_OT_cancel,
            BODY_FROM_IMAGE_OT_draw_box,
            BODY_FROM_IMAGE_OT_drop_image,
            BODY_FROM_IMAGE_FH_drop_image,
            BODY_FROM_IMAGE_OT_refine,
            BODY_FROM_IMAGE_OT_correct_mode,
            BODY_FROM_IMAGE_OT_correct,
            BODY_FROM_IMAGE_OT_reset_correction,
            BODY_FROM_IMAGE_OT_next_doubtful_frame,
            BODY_FROM_IMAGE_OT_flip_in_depth,
            BODY_FROM_IMAGE_OT_next_hypothesis,
            BODY_FROM_IMAGE_OT_fit_bones,
            BODY_FROM_IMAGE_OT_stand_on_ground,
            BODY_FROM_IMAGE_OT_show_photo,
            BODY_FROM_IMAGE_OT_export_fbx,
            BODY_FROM_IMAGE_OT_export_bvh,
            BODY_FROM_IMAGE_OT_export_glb,
            BODY_FROM_IMAGE_OT_export_npz,
            BODY_FROM_IMAGE_OT_import_npz,
            BODY_FROM_IMAGE_OT_pose_correctives,
            BODY_FROM_IMAGE_OT_mark_pose_asset,
            BODY_FROM_IMAGE_OT_retarget,
            BODY_FROM_IMAGE_OT_save_bone_map,
            BODY_FROM_IMAGE_OT_test_python,
        )
    )
