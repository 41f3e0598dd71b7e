"""Every error this program reports on purpose, as one tree.

InspectorError
├── UnreadableInput   a session, HAR or flow file that cannot be read
├── CaptureError      the proxy could not be started, found or spoken to
├── ReferenceFailure  the bundled servers or the scripted client could not run
└── ReplayFailure     a recorded request or client could not be sent, or may not be
"""


class InspectorError(Exception):
    """A problem whose text is one sentence for the user: what failed, where, and what to do next."""


class UnreadableInput(InspectorError):
    """A file is missing, truncated, of another format, or written by a newer version."""


class CaptureError(InspectorError):
    """The capturing proxy could not be started, found or spoken to."""


class ReferenceFailure(InspectorError):
    """A reference server or the scripted client could not do what was asked."""


class ReplayFailure(InspectorError):
    """A recorded request or client could not be performed again, or would have left the servers the user named."""
