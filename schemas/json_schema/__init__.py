"""JSON Schema: check schemas and values, make schemas from types, write them in a dialect, and read answers.

Import from the modules: `validate` (is a schema safe, does a value fit it), `from_type` and `signature` (types and
functions to schemas), `structure_value` (values to types), `dialects` (schemas for providers that accept only part of
JSON Schema), `decode`, `partial` and `repair` (JSON text that is complete, growing or slightly malformed), `root`
(answers that are not objects).
"""
