"""The journal's files: a log of records, an index of its jobs, and what lists and forgets them."""
