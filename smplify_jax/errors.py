"""The one exception for input that cannot be used, and the warning for input that is probably not what was meant."""


class InputError(ValueError):
    """A file, array or option that the library cannot use.

    The message is one sentence for the user: what is wrong, what was expected, what to do. Command lines print it without
    a traceback; everything else that is raised is a defect of the library.

    Whatever names and values of files a message cites, it is one line that can be printed: letters that are not to be seen are
    escaped here, so that no file can break lines or steer a terminal.
    """

    def __init__(self, message: str = "") -> None:
        """Take the sentence."""
        if not message.isprintable():
            message = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in message)
        super().__init__(message)


class InputWarning(UserWarning):
    """Input that can be used, or used for some people, but hardly means what it says: said once for a call of `fit`."""
