"""Bedrock's Converse as AWS's own service model describes it."""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.validate import ParamValidator

SERVICE = botocore.session.get_session().get_service_model("bedrock-runtime")


def request_faults(body: dict[str, Any], operation: str = "Converse") -> str:
    """Return what the service model finds wrong with a request's body; "" for nothing."""
    return model_faults({"modelId": "m", **body}, SERVICE.operation_model(operation).input_shape)


def model_faults(value: Any, shape: Any) -> str:
    """Return what is wrong with a value of this shape, in which JSON has base64 for bytes; "" for nothing."""
    report: str = ParamValidator().validate(_with_bytes(value), shape).generate_report()
    return report


def _with_bytes(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: b"" if k in ("bytes", "redactedContent") else _with_bytes(v) for k, v in value.items()}
    return [_with_bytes(each) for each in value] if isinstance(value, list) else value
