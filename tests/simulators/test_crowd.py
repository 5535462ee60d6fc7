"""Many devices live in one process, in short: a tenth of the crowd, at ten times its rate."""

from pathlib import Path

from tests.simulators.crowd import crowd, measure


async def test_five_hundred_devices_at_ten_times_their_rate_keep_up(tmp_path: Path) -> None:
    figures = await measure(crowd(500, 60, hurry=10), tmp_path / "broker", seconds=12)
    assert figures.connections == 60 + 5
    assert 0.85 < figures.heard_per_s / figures.expected_per_s < 1.15
    assert figures.late_p99_s < 4
