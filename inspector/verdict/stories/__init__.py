"""The causes that can be told apart by joining findings: each story either recognises itself in a run or passes."""

from collections.abc import Callable

from inspector.rules.model import Checked
from inspector.timeline.run import Run
from inspector.verdict.model import Verdict
from inspector.verdict.stories import audience, discovery, sign_in, token

type Story = Callable[[Run, Checked], Verdict | None]

STORIES: tuple[Story, ...] = (
    discovery.blocked_in_front,
    audience.wrong_audience_accepted,
    audience.revision_without_resource,
    audience.refused_resource,
    audience.token_for_somebody_else,
    audience.spelled_differently,
    sign_in.broken_proof,
    sign_in.document_not_taken,
    sign_in.another_than_authorized,
    sign_in.wrongly_encoded,
    sign_in.issuer_ignored,
    token.fresh_token_refused,
    token.more_scope_wanted,
    discovery.login_page,
    discovery.endpoint_moved,
    discovery.another_credential,
    discovery.metadata_not_named,
    discovery.stopped_at_the_slash,
    discovery.looked_in_the_wrong_place,
    discovery.server_names_itself,
    discovery.issuer_with_a_slash,
    discovery.no_way_to_register,
    sign_in.silent_about_proof_keys,
    sign_in.response_without_promised_issuer,
)
"""In the order they are tried: the first that fits is the verdict."""
