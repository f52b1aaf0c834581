"""The one error that a user can mend."""


class UserError(Exception):
    """Something in the config, the data or the machine that its owner can put right.

    Args:
        what: What is wrong, with the value found.
        where: The config key, file and line, or command it was found in.
        change: What to do about it.
    """

    def __init__(self, what: str, where: str, change: str) -> None:
        self.what, self.where, self.change = what, where, change
        super().__init__(f"{what}\n  where:  {where}\n  change: {change}")
