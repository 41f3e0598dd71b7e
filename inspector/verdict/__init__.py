"""From findings to the root cause, the party at fault and what to do."""
