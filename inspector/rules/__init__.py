"""The checks: one function each, over one read-only run."""
