"""Every error that stepwell raises can be caught by a name from stepwell.errors."""

import inspect

from stepwell import errors
from stepwell.schemas import errors as defined


def test_every_error_class_can_be_imported_from_the_public_module() -> None:
    classes = {name for name, each in vars(defined).items() if inspect.isclass(each) and issubclass(each, Exception)}
    assert classes == set(errors.__all__)
