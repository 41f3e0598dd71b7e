"""The causes that can be told apart by joining findings: each story either recognises itself in a run or passes."""

from collections.abc import Callable

from inspector.rules.model import Checked
from inspector.timeline.run import Run
from inspector.verdict.model import Verdict
from inspector.verdict.stories import audience, sign_in, token

type Story = Callable[[Run, Checked], Verdict | None]

STORIES: tuple[Story, ...] = (
    audience.wrong_audience_accepted,
    audience.refused_resource,
    audience.token_for_somebody_else,
    audience.spelled_differently,
    audience.revision_without_resource,
    sign_in.broken_proof,
    token.fresh_token_refused,
    token.more_scope_wanted,
    sign_in.stopped_at_the_slash,
    sign_in.looked_in_the_wrong_place,
    sign_in.silent_about_proof_keys,
)
"""In the order they are tried: the first that fits is the verdict."""
