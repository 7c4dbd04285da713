"""Errors that a user can cause. Each message is a sentence the user understands, with what to do next."""


class UserError(Exception):
    """Something about the input is wrong; `str(error)` is fit to be shown as it is."""


class NoPersonError(UserError):
    """The picture was read, but no person could be found in it, or too little of one to pose a body."""
