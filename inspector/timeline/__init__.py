"""From exchanges to steps and authorization runs."""

from inspector.timeline.linking import Timeline
from inspector.timeline.run import Run
from inspector.timeline.steps import PHASES, Status, Step

__all__ = ["PHASES", "Run", "Status", "Step", "Timeline"]
