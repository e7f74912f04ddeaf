"""The OpenAPI 3.1 document, made from the declarations of the resources and the schemas of their models.

It is built once, when the application is put together, and served as bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Literal

from pydantic import TypeAdapter

from hub.access.scopes import Scope
from hub.web.problems import MEDIA_TYPE, Problem
from hub.web.resources import Operation, Parameter, Resource

_REF = "#/components/schemas/{model}"
_PROBLEM: TypeAdapter[Any] = TypeAdapter(Problem)

_DESCRIPTION = """\
One API in front of the national systems: declare a dossier once, record what happens to it, and the hub delivers it.

Every answer that is not a success is `application/problem+json` (RFC 9457) with a stable `code` and a sentence in
English (`detail`) and Vietnamese (`detail_vi`). A 2xx is sent after the commit is durable. Text must be in Unicode
normal form C; moments are RFC 3339 with an offset.
"""

_TAGS = (
    {"name": "dossiers", "description": "For the province's dossier systems."},
    {"name": "operators", "description": "For those who run the hub."},
    {"name": "inbox", "description": "What came in from the national systems."},
    {"name": "webhooks", "description": "The same, sent to you as it comes."},
    {"name": "access", "description": "Access tokens."},
    {"name": "machines", "description": "For monitoring."},
)

_HEADERS: dict[str, Any] = {
    "ETag": {"description": "The revision, in quotation marks.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` when this is the answer to an earlier call with the same key.",
        "schema": {"type": "string", "const": "true"},
    },
    "X-Request-Id": {"description": "The id of the request in our log.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "What is needed (RFC 6750).", "schema": {"type": "string"}},
}

_BODY_REFUSALS = {
    400: "malformed_json, body_missing",
    408: "body_too_slow",
    413: "body_too_large",
    415: "unsupported_media_type, unsupported_encoding",
    422: "a fault of the contract; `field` names the value, `errors` lists all when there are several",
}

Key = tuple[int, Literal["validation", "serialization"]]


def build(resources: Sequence[Resource]) -> dict[str, Any]:
    """Return the document for these resources."""
    operations = [(one.path, operation) for one in resources for operation in one.operations.values()]
    schemas, definitions = _schemas(operation for _, operation in operations)
    paths: dict[str, dict[str, Any]] = {}
    for resource in resources:
        for method, operation in resource.operations.items():
            if method == operation.method:  # HEAD is GET without its body, and not described again
                paths.setdefault(resource.path, {})[method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Liên Thông",
            "version": version("lienthong"),
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": list(_TAGS),
        "paths": paths,
        "components": {
            "schemas": definitions,
            "headers": _HEADERS,
            "securitySchemes": {
                "oauth2": {
                    "type": "oauth2",
                    "description": "OAuth 2.0 client credentials; `lienthong clients add` makes a client.",
                    "flows": {
                        "clientCredentials": {
                            "tokenUrl": "/oauth/token",
                            "scopes": {scope.value: scope.sentence.en for scope in Scope},
                        }
                    },
                }
            },
        },
    }


def _schemas(operations: Iterable[Operation]) -> tuple[Mapping[Key, Any], dict[str, Any]]:
    """Return the schema of every model by (identity of its adapter, direction), and the shared definitions."""
    wanted: dict[Key, TypeAdapter[Any]] = {(id(_PROBLEM), "serialization"): _PROBLEM}
    for operation in operations:
        if operation.body is not None:
            wanted[(id(operation.body), "validation")] = operation.body
        for success in operation.successes:
            if success.model is not None:
                wanted[(id(success.model), "serialization")] = success.model
    inputs = [(key, key[1], adapter) for key, adapter in wanted.items()]
    schemas, rest = TypeAdapter.json_schemas(inputs, ref_template=_REF)
    return {key[0]: schema for key, schema in schemas.items()}, rest.get("$defs", {})


def _operation(operation: Operation, schemas: Mapping[Key, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "tags": [operation.tag],
        "parameters": [_parameter(one) for one in operation.parameters],
        "security": [{"oauth2": [operation.access.value]}] if isinstance(operation.access, Scope) else [],
        "responses": _responses(operation, schemas),
    }
    if operation.body is not None:
        content: dict[str, Any] = {"schema": schemas[(id(operation.body), "validation")]}
        if operation.body_example is not None:
            content["example"] = operation.body_example
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {operation.body_media_type: content},
        }
    return described


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described = {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }
    if parameter.example is not None:
        described["example"] = parameter.example
    return described


def _responses(operation: Operation, schemas: Mapping[Key, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for success in operation.successes:
        schema = {"type": "string"} if success.model is None else schemas[(id(success.model), "serialization")]
        responses[str(success.status)] = {
            "description": success.description,
            "headers": _headers("X-Request-Id", *success.headers),
            "content": {success.media_type: {"schema": schema}},
        }
    problem = schemas[(id(_PROBLEM), "serialization")]
    for status, codes in sorted(_refusals(operation).items()):
        extra = {401: ("WWW-Authenticate",), 503: ("Retry-After",)}.get(status, ())
        responses.setdefault(
            str(status),
            {
                "description": f"{HTTPStatus(status).phrase}: {codes}",
                "headers": _headers("X-Request-Id", *extra),
                "content": {MEDIA_TYPE: {"schema": problem}},
            },
        )
    return responses


def _refusals(operation: Operation) -> dict[int, str]:
    refusals = {500: "internal_error"}
    if not operation.speaks_problems:
        return refusals | dict(operation.refusals)
    if isinstance(operation.access, Scope):
        refusals |= {
            401: "token_required, token_invalid, token_expired, client_disabled",
            403: "scope_missing, agency_not_allowed",
            503: "store_unavailable",
        }
    if operation.body is not None:
        refusals |= _BODY_REFUSALS
    if any(one.place == "path" and one.name == "code" for one in operation.parameters):
        refusals.setdefault(422, "dossier_code")
    headers = [one.name for one in operation.parameters if one.place == "header"]
    if headers:
        refusals[400] = ", ".join([refusals.get(400, ""), f"malformed {', '.join(headers)}"]).strip(", ")
    return refusals | dict(operation.refusals)


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
