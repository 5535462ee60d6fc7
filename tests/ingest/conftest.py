"""Settings of tests of the session."""

import pytest

from ingest import session as subject


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions try again at once, and wait a second for an answer."""
    monkeypatch.setattr(subject, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(subject, "CONNECT_TIMEOUT", 1.0)
