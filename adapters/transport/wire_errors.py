"""What a call over the wire may end with, besides the system's own ``OSError`` and the parser's errors.

None of them carries a part of the request or of the answer. What each means is said in `faults_to_errors`.
"""

from __future__ import annotations


class WireError(Exception):
    """Base of the errors of our own wire."""


class ConnectionEndedError(WireError):
    """The connection ended before the answer was whole; its cause, where the system gave one, is chained."""


class AnswerError(WireError):
    """What came back is not an answer to the request: broken, without end, or unasked for."""


class AnswerTooLongError(WireError):
    """The body of the answer is longer than the caller wants to hold."""


class AddressError(WireError):
    """The address cannot be called: not http or https, or with a host that cannot be one."""


class UnsendableError(WireError):
    """The head of the request holds what HTTP cannot carry."""
