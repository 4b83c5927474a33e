"""Fetch the model: `python -m stepwell.providers.local`."""

from .install import install

print(install())
