"""Objects that fit a schema, in every mode in which a model can be asked for one.

output_spec.py: the schema, and reading an object out of an answer. modes.py: the modes. generate.py: whole objects,
with repairs. stream.py: the object as it grows.
"""
