"""Tools that run: from functions (define.py), one call at a time (call.py), in a loop with a model (loop.py), also for
models that know no tools (react.py).
"""
