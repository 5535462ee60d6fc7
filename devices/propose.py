"""From what `devices.infer` found to the files of a device model: model, example, and a row for the registry."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from devices.devicemodel import merge_alone
from devices.estate.change import ChangeError
from devices.infer import Meant, Proposal, decoded
from devices.modelfile import EXAMPLES, MAKER_FILE, ModelFile
from devices.normalise import normalise
from devices.strangers import kind_of

MAX_BYTES: Final = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Draft:
    """Texts that a person may take as they are, or change."""

    folder: str
    """of the maker, below `devices/models`"""
    slug: str
    maker: str
    """text of `maker.yaml`, for a maker that has none yet"""
    model: str
    """text of `<model>.yaml`"""
    examples: str
    """text of `<model>.examples.yaml`"""
    row: str
    """header and row of `devices.csv`; what only a person knows is empty"""


def read_payloads(text: bytes) -> list[Mapping[str, Any]]:
    """Payloads of JSON Lines: bare objects, or `{"topic": …, "payload": …}` around them.

    Raises:
        ChangeError: a line is no such thing; the text names it.
    """
    if len(text) > MAX_BYTES:
        raise ChangeError(f"{len(text)} bytes are more than a few payloads: a dozen are enough")
    return list(_payloads(text)) or _nothing()


def _nothing() -> list[Mapping[str, Any]]:
    raise ChangeError("no payload was given: write one JSON object a line")


def _payloads(text: bytes) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            body = orjson.loads(line)
            if isinstance(body, dict) and {"topic", "payload"} <= body.keys():
                body = body["payload"]
                body = orjson.loads(body) if isinstance(body, str) else body
        except orjson.JSONDecodeError as error:
            raise ChangeError(f"line {number} is not JSON: {error.msg}: write one JSON object a line") from None
        if not isinstance(body, dict):
            raise ChangeError(f"line {number} is no JSON object: only objects have names to judge by")
        yield body


def draft(proposal: Proposal, payloads: Sequence[Mapping[str, Any]], *, maker: str, model: str, source: str) -> Draft:
    """The files that say what `proposal` says.

    Args:
        source: where the payloads come from, for the example.

    Raises:
        ChangeError: there is nothing to write, or what would be written does not read the payloads so.
    """
    if not proposal.fields:
        raise ChangeError("no value has a meaning that is clear enough: answer the questions in a model file by hand")
    content = _model(proposal, maker, model)
    expected = _expected(content, proposal.fields, decoded(payloads[-1]))
    example = [{"source": source, "decoded": dict(decoded(payloads[-1])), "expect": expected}]
    return Draft(
        folder=slug(maker),
        slug=slug(model),
        maker=text_of({"maker": maker}),
        model=text_of(content),
        examples=text_of(example),
        row=rows(proposal, f"{maker} {model}", "", [proposal.address]),
    )


def _model(proposal: Proposal, maker: str, model: str) -> dict[str, Any]:
    return {"maker": maker, "model": model, **keys(proposal)}


def keys(proposal: Proposal) -> dict[str, Any]:
    """What the keys mean, in the words of a model file."""
    content: dict[str, Any] = {}
    if proposal.time:
        content["time"] = {"key": proposal.time[0], "unit": proposal.time[1]}
    content["fields"] = {each.key: _rule(each) for each in proposal.fields}
    ignored = [key for key, _ in proposal.ignored] + [proposal.identity] * bool(proposal.identity)
    return content | ({"ignore": ignored} if ignored else {})


def _rule(each: Meant) -> str | dict[str, Any]:
    rule: dict[str, Any] = {"field": each.field}
    if each.unit:
        rule["unit"] = each.unit
    if each.states:
        rule["states"] = dict(each.states)
    return rule if len(rule) > 1 else each.field


def _expected(content: Mapping[str, Any], fields: Sequence[Meant], body: Mapping[str, Any]) -> dict[str, float]:
    """What the model file reads in `body`, which must be what the fields say."""
    samples, _ = normalise(merge_alone(ModelFile.model_validate(content)), body, None)
    read = {reading.field.name: round(reading.value, 6) for sample in samples[:1] for reading in sample.readings}
    for each in fields:
        if each.field in read and abs(read[each.field] - each.example) > 1e-4 * max(1.0, abs(each.example)):
            raise ChangeError(
                f"{each.key} reads as {read[each.field]:g}, not {each.example:g}: write the model by hand"
            )
    return read


def rows(proposal: Proposal, model: str, source: str, addresses: Sequence[str]) -> str:
    """Header of `devices.csv` and a row for each address; what only a person knows is empty."""
    kind = kind_of(frozenset(each.field for each in proposal.fields))
    lines = [
        ",".join([slug(address) if address else "", kind.value, model, source, address, "", "", "", ""])
        for address in addresses
    ]
    return "\n".join(["id,kind,model,source,address,interval,building,space,from", *lines, ""])


def text_of(content: object) -> str:
    """`content` as YAML."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)


def slug(name: str) -> str:
    """`name` as an id."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "device"


def write(files: Draft, folder: Path) -> list[Path]:
    """Write the model's files below `folder`; a maker's own file is kept where there is one.

    Raises:
        ChangeError: the model is there already; nothing was written.
    """
    home = folder / files.folder
    model, examples = home / f"{files.slug}.yaml", home / f"{files.slug}{EXAMPLES}"
    if model.exists():
        raise ChangeError(f"{model} is there already: change it by hand, or give another --model")
    home.mkdir(parents=True, exist_ok=True)
    written = []
    for path, text in ((home / MAKER_FILE, files.maker), (model, files.model), (examples, files.examples)):
        if not path.exists():
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written
