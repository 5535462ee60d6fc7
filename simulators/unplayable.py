"""What the simulators cannot play."""


class UnplayableError(LookupError):
    """The simulators cannot play a source or a device of the estate; the text says which, and what they can."""
