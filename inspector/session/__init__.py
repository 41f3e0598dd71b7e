"""The session file: what was captured, how it is written, read and imported."""
