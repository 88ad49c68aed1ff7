"""What ``/openapi.json`` says beyond what FastAPI reads from the routes."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.errors import PROBLEM_TYPE
from api.schemas import ProblemBody
from api.uploads import OPTIONS_FIELD
from shared.media import MediaType

_COMPONENT = "#/components/schemas/{model}"
_HEADERS = {
    "304": {"ETag": "The version that you have."},
    "401": {"WWW-Authenticate": "How to prove who you are (RFC 6750)."},
    "429": {"Retry-After": "Seconds until it is worth another try."},
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the error answers of a route; 500 and 503 may come from any."""
    content = {PROBLEM_TYPE: {"schema": {"$ref": _COMPONENT.format(model="ProblemBody")}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in (*statuses, 500, 503)
    }


def form_body(
    file_field: str, *, many: bool, options_model: str, json_model: str | None = None
) -> dict[str, Any]:
    """Return the description of a form that its route reads as a stream, unseen by FastAPI.

    ``json_model`` describes the JSON that may come in its place.
    """
    file: dict[str, Any] = {"type": "string", "format": "binary"}
    files = {"type": "array", "items": file, "minItems": 1} if many else file
    properties = {
        file_field: files,
        OPTIONS_FIELD: {"$ref": _COMPONENT.format(model=options_model)},
    }
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    schema |= {"required": [file_field], "additionalProperties": False}
    encoding = {OPTIONS_FIELD: {"contentType": "application/json"}}
    if not many:
        read = [media_type.value for media_type in MediaType if media_type.is_image]
        encoding[file_field] = {"contentType": ", ".join(read)}
    content: dict[str, Any] = {"multipart/form-data": {"schema": schema, "encoding": encoding}}
    if json_model is not None:
        content["application/json"] = {"schema": {"$ref": _COMPONENT.format(model=json_model)}}
    return {"requestBody": {"required": True, "content": content}}


def operation_id(route: APIRoute) -> str:
    """Name an operation as its function, which generated clients then show."""
    return route.name


def describe(app: FastAPI, more_models: tuple[type[BaseModel], ...]) -> None:
    """Give an application its OpenAPI document.

    Args:
        app: The application.
        more_models: Models of bodies that routes read themselves.
    """

    def document() -> dict[str, Any]:
        if not app.openapi_schema:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            wanted: list[tuple[type[BaseModel], Literal["serialization", "validation"]]]
            wanted = [(ProblemBody, "serialization")]
            wanted += [(model, "validation") for model in more_models]
            _, definitions = models_json_schema(wanted, ref_template=_COMPONENT)
            components = schema.setdefault("components", {}).setdefault("schemas", {})
            components |= definitions["$defs"]
            _drop_default_errors(schema)
            for operation in _operations(schema):
                _drop_null_parameters(operation)
                _describe_headers(operation)
            app.openapi_schema = schema
        return app.openapi_schema

    # FastAPI documents this as the way to extend the document.
    app.openapi = document  # type: ignore[method-assign]


def _operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in schema["paths"].values():
        yield from path.values()


def _drop_null_parameters(operation: dict[str, Any]) -> None:
    """Take out the null that an optional parameter has in Python; its text would be "null"."""
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) == 1:
            del schema["anyOf"]
            schema |= kinds[0]


def _describe_headers(operation: dict[str, Any]) -> None:
    """Tell of the headers that follow from an answer's status."""
    for status, response in operation["responses"].items():
        names = {"X-Request-ID": "The caller's, or one of ours; the log has it, too."}
        names |= _HEADERS.get(status, {})
        response.setdefault("headers", {}).update(
            {
                name: {"required": True, "schema": {"type": "string"}, "description": explained}
                for name, explained in names.items()
            }
        )


def _drop_default_errors(schema: dict[str, Any]) -> None:
    """Take out FastAPI's own form of a 422, which it adds where a route names none."""
    for operation in _operations(schema):
        described = operation["responses"].get("422", {}).get("content", {})
        if "application/json" in described:
            del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(name, None)
