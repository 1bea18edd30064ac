"""The one exception for input that cannot be used, and the warning for input that is probably not what was meant."""


class InputError(ValueError):
    """A file, array or option that the library cannot use.

    The message is one sentence for the user: what is wrong, what was expected, what to do. Command lines print it without
    a traceback; everything else that is raised is a defect of the library.
    """


class InputWarning(UserWarning):
    """Input that can be used, or used for some people, but hardly means what it says: said once for a call of `fit`."""
