"""Alibaba Cloud Model Studio (China): alibaba under another address."""

from attrs import evolve

from .alibaba import alibaba

alibaba_cn = evolve(
    alibaba,
    id="alibaba_cn",
    name="Alibaba Cloud Model Studio (China)",
    base_url="https://dashscope.aliyuncs.com/compatible-mode/v1",
)
