"""What the simulators cannot play."""

from devices.errors import ConfigurationError


class UnplayableError(ConfigurationError):
    """The simulators cannot play a source or a device of the estate; the text says which, and what they can."""
