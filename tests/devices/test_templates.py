"""Templates of discovered entities: a path is read, anything else is not run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.formats import templates

TEMPLATES = {
    "{{ value }}": "21.46",
    "{{ value_json.a }}": {"b": [1, 21.46]},
    "{{ value_json['a'][\"b\"][1] }}": 21.46,
    "{{value_json.a.b[1]|float|round(1)}}": 21.5,
    "{{- value_json.a.b[1] | int -}}": 21,
    "{{ value_json.none | float(0) }}": None,
    "{{ value_json.none | default('20') }}": None,
    "{{ value_json.a.b[7] }}": None,
    "{{ value_json.word | upper }}": "ON",
}


@pytest.mark.parametrize("text", TEMPLATES)
def test_a_template_names_a_path(text: str) -> None:
    template = templates.parse(text)
    assert template is not None
    body = {"a": {"b": [1, 21.46]}, "word": "on", "none": None} if template.json else "21.46"
    assert templates.evaluate(template, body) == TEMPLATES[text]


@pytest.mark.parametrize(
    "text",
    [
        "{{ value_json.__class__.__mro__ | attr('x') }}",
        "{{ value_json.a * 2 }}",
        "{{ 'x' if value_json.a else 'y' }}",
        "{% for i in range(10**9) %}{% endfor %}",
        "{{ range(10**9) }}",
        "{{ value.a }}",
        "{{ value_json.a }}{{ value_json.b }}",
        "{{ value_json.a }",
        "{{ value_jsonx }}",
        "{{ value_json" + ".a" * 5_000 + " }}",
        "",
    ],
)
def test_any_other_template_is_not_run(text: str) -> None:
    assert templates.parse(text) is None


@given(st.text(max_size=60))
def test_no_template_raises(text: str) -> None:
    for whole in (text, f"{{{{ {text} }}}}", f"{{{{ value_json{text} }}}}", f"{{{{ value_json.a | {text} }}}}"):
        template = templates.parse(whole)
        if template is not None:
            templates.evaluate(template, {"a": ["1", {}]})
