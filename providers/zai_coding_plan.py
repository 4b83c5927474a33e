"""Z.AI coding plan: zai under another address."""

from attrs import evolve

from .zai import zai

zai_coding_plan = evolve(
    zai, id="zai_coding_plan", name="Z.AI coding plan", base_url="https://api.z.ai/api/coding/paas/v4"
)
