"""What ``/openapi.json`` says beyond what FastAPI reads from the routes."""

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

_COMPONENT = "#/components/schemas/{model}"


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
    schema = {"type": "object", "properties": properties, "required": [file_field]}
    encoding = {OPTIONS_FIELD: {"contentType": "application/json"}}
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
            app.openapi_schema = schema
        return app.openapi_schema

    # FastAPI documents this as the way to extend the document.
    app.openapi = document  # type: ignore[method-assign]


def _drop_default_errors(schema: dict[str, Any]) -> None:
    """Take out FastAPI's own form of a 422, which it adds where a route names none."""
    for path in schema["paths"].values():
        for operation in path.values():
            described = operation["responses"].get("422", {}).get("content", {})
            if "application/json" in described:
                del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(name, None)
