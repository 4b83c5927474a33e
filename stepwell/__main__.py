"""`python -m stepwell` is `stepwell`."""

from .cli import main

raise SystemExit(main())
