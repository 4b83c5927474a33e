"""`python -m stepwell` is `stepwell`."""

from .cli.main import main

raise SystemExit(main())
