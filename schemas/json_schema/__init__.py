"""JSON Schema: checked, made from types, spoken in each vendor's dialect, and read back from what models write.

Import from the modules: `validate` (is a schema safe, does a value fit it), `from_type` and `signature` (types and
functions to schemas), `structure` (values to types), `dialects` (what each vendor accepts), `decode`, `partial` and
`repair` (JSON text, whole, growing and slightly broken), `root` (answers that are not objects).
"""
