"""Says what on this machine would keep a capture from working, and the cure."""
