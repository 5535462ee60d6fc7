"""Text from outside, made safe to print."""

import orjson

LIMIT = 200


def printable(text: str, limit: int = LIMIT) -> str:
    """`text` with everything that could move a cursor or hide itself escaped, cut to at most `limit` characters."""
    cut = text[: limit + 1]
    if not cut.isprintable():
        cut = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)
    return cut if len(cut) <= limit else cut[: limit - 1] + "…"


def in_short(lines: str, limit: int = LIMIT) -> str:
    """The first line, safe to print, and how many more there are."""
    first, *more = lines.splitlines() or [""]
    return printable(first, limit) + (f" (and {len(more)} more)" if more else "")


def show(value: object, limit: int = 60) -> str:
    """A JSON value as it would be written, safe to print, for the detail of a `Reject`.

    What is nested deeper than orjson writes (it reads four times as deep) is shown as an ellipsis in its brackets.
    """
    try:
        text = orjson.dumps(value).decode()
    except TypeError:
        text = "{…}" if isinstance(value, dict) else "[…]" if isinstance(value, list) else repr(value)
    return printable(text, limit)


def json_fault(error: orjson.JSONDecodeError) -> str:
    """Why a payload is no JSON, and at which character."""
    return f"not JSON: {error.msg} at character {error.pos}"
