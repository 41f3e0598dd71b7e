"""From exchanges to steps and authorization runs."""

from inspector.timeline.run import Run
from inspector.timeline.steps import PHASES, Status, Step
from inspector.timeline.timeline import Timeline

__all__ = ["PHASES", "Run", "Status", "Step", "Timeline"]
