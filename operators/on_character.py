"""An operator that does one thing to the active character."""

from typing import ClassVar

import bpy

from ..inference.body.body_model import BodyModel
from ..inference.errors import UserError
from ..rig.armature import BODY_MODEL_PROPERTY
from ..rig.character import Character
from ..rig.photo_note import has_photo_note
from .active_character import active_armature, active_character, selected_characters
from .body_file import load_body_model
from .preferences import body_model_file


class OnCharacter:
    """Mixed into an operator that has `_apply(context, character)`, which may raise UserError, and may return False
    where nothing was changed.

    `wanted` is what is said to somebody who has not selected a character that `fits`.
    """

    wanted: ClassVar = "Select a character that was made from an image first"
    on_selection: ClassVar = False
    """Whether it is done to all selected characters that fit, one after the other."""

    @staticmethod
    def fits(armature) -> bool:
        """Whether the operator can do something to this character, an armature object."""
        return True

    @classmethod
    def poll(cls, context):
        cls.poll_message_set(cls.wanted)
        armature = active_armature(context)
        return armature is not None and cls.fits(armature)

    def execute(self, context):
        if context.mode not in ("OBJECT", "POSE"):  # what is being edited is not evaluated
            bpy.ops.object.mode_set(mode="OBJECT")
        try:
            if self.on_selection:
                characters = [one for one in selected_characters(context) if self.fits(one.armature)]
            else:
                characters = [active_character(context)]
            changed = [self._apply(context, character) for character in characters]
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"CANCELLED"} if all(one is False for one in changed) else {"FINISHED"}


class OnPhotoCharacter(OnCharacter):
    """The same for characters that know what Human2D saw in their photo."""

    wanted: ClassVar = "Select a character that was made from a photo"
    fits = staticmethod(has_photo_note)


def body_model_of(context, character: Character) -> BodyModel:
    """The body model of the preferences. Raises UserError when the character was made with another one."""
    model = load_body_model(body_model_file(context))
    if character.armature.data[BODY_MODEL_PROPERTY] != model.hash:
        raise UserError(
            f"{character.armature.name} was made with another body model than the one in the extension's preferences. "
            "Choose the model that it was made with."
        )
    return model
