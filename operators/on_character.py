"""An operator that does one thing to the active character."""

from ..inference.errors import UserError
from .active_character import active_armature, active_character


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
