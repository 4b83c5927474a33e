"""Tools: made of functions (define.py), called (call.py), in a loop with a model (loop.py), also for models without
tools (react.py).
"""
