"""Objects that fit a schema, whatever way a model can be asked for one.

output_spec.py: what is wanted, and reading it out of an answer. modes.py: the ways of asking. generate.py: asking, with
repairs. stream.py: the object as it grows.
"""
