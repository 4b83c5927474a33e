"""Z.AI for coding: zai under another address."""

from attrs import evolve

from .zai import zai

zai_coder = evolve(zai, id="zai_coder", name="Z.AI for coding", base_url="https://api.z.ai/api/coding/paas/v4")
