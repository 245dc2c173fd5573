"""What a server takes and gives, as an OpenAPI document made from a contract."""

from __future__ import annotations

from typing import Any

from tlearn.artifacts.contract import Contract
from tlearn.data.good_images import BAD, GOOD
from tlearn.data.targets import CLASSES, NUMBER, ONE_CLASS
from tlearn.serving.app import Limits
from tlearn.serving.pool import MOST_LABELS

_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}
_SHARE = _NUMBER | {"minimum": 0, "maximum": 1}
_BINARY = _TEXT | {"format": "binary"}
_PROBLEM = {"type": ["string", "null"], "description": "Why the image cannot be read."}
_REFUSALS = {
    400: "the request is malformed",
    401: "the token is missing or wrong",
    403: "a page of another site asks",
    408: "the image arrives too slowly",
    413: "the body is too large",
    421: "another host is asked for",
    422: "the image cannot be read",
    503: "too many requests wait; see Retry-After",
}


def openapi(contract: Contract, limits: Limits, token: bool) -> dict[str, Any]:
    """Return the document.

    Args:
        contract: Of the artifact that answers.
        limits: Of each request.
        token: Whether requests have to bear one.
    """
    record = {"$ref": "#/components/schemas/prediction"}
    several = _object({"predictions": _list(record)})
    side = contract.preprocessing.image_size
    form = _object({"image": _list(_BINARY)})
    post = {
        "summary": "Answer an image, or several in a form",
        "description": f"An image in any usual format, of at most {limits.most_bytes:,} bytes. It "
        f"becomes {side} x {side} pixels: {contract.preprocessing.resize_in_words}.",
        "parameters": [
            _parameter("top", {"type": "integer", "minimum": 1, "maximum": MOST_LABELS}),
            *([_parameter("map", {"const": "1"})] if contract.map else ()),
        ],
        "requestBody": {
            "required": True,
            "content": {"image/*": {"schema": _BINARY}, "multipart/form-data": {"schema": form}},
        },
        "responses": {
            "200": _response("the answer", {"oneOf": [record, several]}),
            **{
                str(status): _response(words, _object({"error": _TEXT}))
                for status, words in _REFUSALS.items()
            },
        },
    }
    bearer = {"bearer": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": contract.file or "tlearn serve", "version": contract.tlearn},
        "paths": {
            "/predict": {"post": post},
            "/health": {
                "get": {
                    "summary": "Whether the server answers",
                    "security": [],
                    "responses": {"200": _response("it does", _object({"status": _TEXT}))},
                }
            },
        },
        "components": {
            "schemas": {"prediction": _record(contract)},
            **({"securitySchemes": bearer} if token else {}),
        },
        **({"security": [{"bearer": []}]} if token else {}),
    }


def _record(contract: Contract) -> dict[str, Any]:
    """Return the schema of the record of an image; see docs/json.md for what its keys mean."""
    labels, task = list(contract.labels), contract.task or CLASSES
    label = _TEXT | {"enum": labels}
    size = [length for length in (contract.map.shape if contract.map else ())[1:] if length]
    rows = {"map": _list(_list(_NUMBER)) | {"description": " x ".join(map(str, size))}}
    common = {"image": _TEXT, "problem": _PROBLEM}
    if task == CLASSES:
        record = common | {
            "label": {"enum": [*labels, None], "description": "null: none of these"},
            "probability": {**_SHARE, "type": ["number", "null"]},
            "known": {**_SHARE, "type": ["number", "null"]},
            "set": _list(label),
            "top": _list(_object({"label": label, "probability": _SHARE})),
        }
    else:
        said = _TEXT | {"enum": [GOOD, BAD]} if task == ONE_CLASS else label
        value = _NUMBER if task == NUMBER else _SHARE
        record = common | {
            "labels": _list(said),
            "answers": {"type": "object", "additionalProperties": value},
            "interval": {"type": ["array", "null"], "items": _NUMBER},
        }
    schema = _object(record)
    return schema | {"properties": record | (rows if contract.map else {})}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties]}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


def _response(words: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": schema}}}
