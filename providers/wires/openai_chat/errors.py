"""Find the error in a response."""

from __future__ import annotations

import re

from ....pipeline.http.error_body import error_in
from ....pipeline.http.response import Response
from ....schemas.errors import ProviderError
from ...declare.errors import answer_error, names_error
from ...declare.errors import find_error as find_error_by_status

# Avoids parsing good answers twice: most do not have the word, and the others have null after it.
_ERROR_FIELD = re.compile(rb'"error"\s*+:\s*+[{"\[]')


def find_error(response: Response) -> ProviderError | None:
    """Find the error of a response: as every wire does, or anywhere among the fields of a 200, as gateways send it."""
    body = response.body
    if response.status == 200 and b'"error"' not in body:
        return None
    if response.status == 200 and _ERROR_FIELD.search(body):
        error = error_in(body)
        if names_error(error):
            return answer_error(response, error)
    return find_error_by_status(response)
