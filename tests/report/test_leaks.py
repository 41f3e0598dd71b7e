"""No export of any format holds a secret, or anything a secret can be decoded from."""

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.report.formats import FORMATS, Format
from tests.report.material import exported, material
from tests.report.secrets_everywhere import (
    CARRIERS,
    ENCODINGS,
    HEADER_PLACES,
    PLACES,
    STORY_SECRETS,
    Loaded,
    leaked,
    loaded_sessions,
)
from tests.tui.story import story


def check(loaded: Loaded, format: Format) -> None:
    out = io.StringIO()
    format.write(material(loaded.exchanges), out)
    assert leaked(out.getvalue(), loaded.secrets) == []


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(loaded_sessions(), st.sampled_from(FORMATS))
def test_no_export_holds_a_secret(loaded: Loaded, format: Format) -> None:
    check(loaded, format)


@pytest.mark.nightly
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(loaded_sessions(), st.sampled_from(FORMATS))
def test_no_export_holds_a_secret_at_length(loaded: Loaded, format: Format) -> None:
    check(loaded, format)


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_the_reader_of_this_test_would_find_them(format: Format) -> None:
    """Without masking, every format that shows exchanges shows their secrets: the test above can fail."""
    shown = leaked(exported(format.name, redact=False), STORY_SECRETS)
    assert bool(shown) == (format.name not in ("json", "sarif", "junit"))


SECRET = "Zq7-secret_Value~0042.xK"


@pytest.mark.parametrize("place", PLACES | HEADER_PLACES)
def test_a_secret_is_found_in_its_place(place: str) -> None:
    exchange = (PLACES | HEADER_PLACES)[place](9, SECRET)
    assert leaked(exported("har", [*story(), exchange]), (SECRET,)) == []


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_copy_is_found_in_every_encoding(encoding: str) -> None:
    copies = [CARRIERS[name](10 + number, ENCODINGS[encoding](SECRET)) for number, name in enumerate(CARRIERS)]
    original = PLACES["token answer"](9, SECRET)
    har = exported("har", [*story(), original, *copies])
    assert leaked(har, (SECRET,)) == []
    assert leaked(exported("har", [*story(), *copies]), (SECRET,)) == [SECRET], "the reader does not know this encoding"
