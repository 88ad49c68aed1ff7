"""A reader of our DTCG files, written from the format and not from the writer."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from shared.export import File
from shared.tokens import TokenSet

VENDOR = "dev.copy-that"


def read_dtcg(file: File, like: TokenSet) -> TokenSet:
    """Return the set that a file holds, under the ids of another: files carry none."""
    document = json.loads(file.content)
    about = document["$extensions"][VENDOR]
    return TokenSet.model_validate(
        {
            "id": like.id,
            "job_id": like.job_id,
            "item_id": like.item_id,
            "pipeline_version": about["pipelineVersion"],
            "source_images": [unquote(image) for image in about["sourceImages"]],
            "scales": _scales(about["scales"]) if "scales" in about else {},
            "tokens": {
                group: [
                    _token(name, token) | {"aliases": _aliases(name, group, tokens)}
                    for name, token in tokens.items()
                    if not isinstance(token["$value"], str)
                ]
                for group, tokens in document.items()
                if not group.startswith("$")
            },
        }
    )


def _scales(written: dict[str, Any]) -> dict[str, Any]:
    read = dict(written)
    for name in ("spacing", "typography"):
        read[name] = dict(written[name])
        read[name]["base_px"] = read[name].pop("basePx")
    return read


def _aliases(name: str, group: str, tokens: dict[str, Any]) -> list[dict[str, Any]]:
    targets = {
        alias: token for alias, token in tokens.items() if token["$value"] == f"{{{group}.{name}}}"
    }
    return [_facts(alias, token) for alias, token in targets.items()]


def _facts(name: str, written: dict[str, Any]) -> dict[str, Any]:
    beside = written["$extensions"][VENDOR]
    description = unquote(beside["description"]) if "description" in beside else None
    return {
        "name": name,
        "usage": beside["usage"],
        "confidence": beside["confidence"],
        "source": beside["source"],
        "description": description or written.get("$description", ""),
    }


def _token(name: str, written: dict[str, Any]) -> dict[str, Any]:
    beside = written["$extensions"][VENDOR]
    images = [use | {"image": unquote(use["image"])} for use in beside.get("images", ())]
    return _facts(name, written) | {
        "value": _READERS[written["$type"]](written["$value"], beside),
        "role": unquote(beside["role"]) if "role" in beside else None,
        "on": beside.get("on", ()),
        "boxes": beside.get("boxes", ()),
        "images": images,
    }


def _as_is(value: object, _beside: dict[str, Any]) -> object:
    return value


def _dimension(value: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    return {"value": beside["em"], "unit": "em"} if "em" in beside else value


def _typography(value: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    read = dict(value)
    for part, number in beside.get("em", {}).items():
        read[part] = {"value": number, "unit": "em"}
    for part in ("lineHeight", "letterSpacing"):
        if beside.get(f"{part}Measured") is False:
            read[part] = None
    return read


def _gradient(value: list[dict[str, Any]], beside: dict[str, Any]) -> dict[str, Any]:
    return {**beside["gradient"], "stops": value}


_READERS: Mapping[str, Callable[[Any, dict[str, Any]], object]] = {
    "color": _as_is,
    "dimension": _dimension,
    "typography": _typography,
    "shadow": _as_is,
    "gradient": _gradient,
}
