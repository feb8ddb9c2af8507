"""Checks JSON values against the schemas in `docs/schemas/`: the keywords that they use, no more."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def fits(name: str, value: object) -> None:
    """AssertionError, naming the place, where the value does not fit `docs/schemas/NAME.json`."""
    _check(json.loads((FOLDER / f"{name}.json").read_bytes()), value, name)


def _check(schema: Mapping[str, Any], value: object, where: str) -> None:
    kinds = schema.get("type", [])
    allowed = [kinds] if isinstance(kinds, str) else kinds
    right = any(
        isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
        for kind in allowed
    )
    assert right or not allowed, f"{where}: {value!r} is not {allowed}"
    if "enum" in schema:
        assert value in schema["enum"], f"{where}: {value!r}"
    match value:
        case str():
            if "pattern" in schema:
                assert re.search(schema["pattern"], value), f"{where}: {value!r}"
            if schema.get("format") == "date-time":
                assert _DATE.fullmatch(value), f"{where}: {value!r}"
        case dict():
            missing = set(schema.get("required", ())) - set(value)
            unknown = set(value) - set(schema["properties"]) if "properties" in schema else set()
            assert not missing and not unknown, f"{where}: missing {missing}, not described {unknown}"
            for name, inner in value.items():
                if "properties" in schema:
                    _check(schema["properties"][name], inner, f"{where}.{name}")
        case list():
            for at, inner in enumerate(value):
                _check(schema.get("items", {}), inner, f"{where}[{at}]")
        case int() | float() if "minimum" in schema:
            assert value >= schema["minimum"], f"{where}: {value}"
