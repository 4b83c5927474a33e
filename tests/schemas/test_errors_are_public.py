"""Every error that stepwell raises can be caught by a name from stepwell.errors."""

import inspect
from pathlib import Path

from stepwell import errors
from stepwell.schemas import errors as defined


def test_every_error_class_can_be_imported_from_the_public_module() -> None:
    classes = {name for name, each in vars(defined).items() if inspect.isclass(each) and issubclass(each, Exception)}
    assert classes == set(errors.__all__)


def test_every_error_has_what_the_documents_list() -> None:
    """So that code which handles any of them needs no look at the class."""
    listed = ("partial", "usage", "provider", "model", "request_id", "retry_after")
    for name in errors.__all__:
        error = getattr(errors, name)("it failed")
        assert [getattr(error, each) for each in listed] == [None] * len(listed), name
        assert error.warnings == () and error.retryable in (True, False)
    assert errors.StreamTruncated("it ended").hint == "what had arrived is in .partial"
    assert errors.StreamTruncated("it ended", hint="send it again").hint == "send it again"


def test_every_error_is_on_the_page_of_errors() -> None:
    page = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
    assert {name for name in errors.__all__ if f"`{name}`" not in page} == set()
