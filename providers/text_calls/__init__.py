"""Tool calls that a model wrote as text, because its server did not read them.

forms.py is the table of the forms, readers.py reads each, stage.py finds them in an answer, models.py has the forms of
each family of models.
"""
