"""The page of what is supported is that of the formats and models as they are."""

from devices.formats import FORMATS
from devices.supported import PAGE, page


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make supported`"


def test_it_lists_every_format_and_a_known_model() -> None:
    text = page()
    assert [name for name in FORMATS if f"| `{name}` |" not in text] == []
    assert "| Milesight | AM107 | yes | temperature, humidity, co2, pressure, illuminance, battery |" in text
