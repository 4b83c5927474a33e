"""`python -m stepwell.providers.local` fetches the model."""

from .install import install

print(install())
