"""An operator that does one thing to the active character."""

from ..inference.body_model import BodyModel
from ..inference.errors import UserError
from ..rig.armature import BODY_MODEL_PROPERTY
from ..rig.character import Character
from .active_character import active_armature, active_character
from .estimation import load_body_model
from .preferences import body_model_file


class OnCharacter:
    """Mixed into an operator that has `_apply(context, character)`, which may raise UserError."""

    @classmethod
    def poll(cls, context):
        cls.poll_message_set("Select a character that was made from an image first")
        return active_armature(context) is not None

    def execute(self, context):
        try:
            self._apply(context, active_character(context))
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


def body_model_of(context, character: Character) -> BodyModel:
    """The body model of the preferences. Raises UserError when the character was made with another one."""
    model = load_body_model(body_model_file(context))
    if character.armature.data[BODY_MODEL_PROPERTY] != model.hash:
        raise UserError(
            f"{character.armature.name} was made with another body model than the one in the extension's preferences. "
            "Choose the model that it was made with."
        )
    return model
