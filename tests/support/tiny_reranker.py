"""A reranker of 42 kB for llama.cpp to load: a BERT of one layer that scores a text by how often it contains `cat`.

Attention looks at all words alike, so [CLS] takes in their mean, and the head reads the one dimension that `cat` has.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"\u2581{word}" for word in ("cat", "dog", "sun", "sea"))]
DIM, CONTEXT, ALIGN = 32, 64, 32
_STRING, _ARRAY, _UINT32, _INT32, _FLOAT32, _BOOL = 8, 9, 4, 5, 6, 7


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: Any) -> bytes:
    match value:
        case bool():
            return struct.pack("<I?", _BOOL, value)
        case int():
            return struct.pack("<II", _UINT32, value)
        case float():
            return struct.pack("<If", _FLOAT32, value)
        case str():
            return struct.pack("<I", _STRING) + _string(value)
        case [str(), *_]:
            return struct.pack("<IIQ", _ARRAY, _STRING, len(value)) + b"".join(map(_string, value))
    return struct.pack("<IIQ", _ARRAY, _INT32, len(value)) + struct.pack(f"<{len(value)}i", *value)


def _metadata(pooling: int | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "general.architecture": "bert",
        "bert.block_count": 1,
        "bert.context_length": CONTEXT,
        "bert.embedding_length": DIM,
        "bert.feed_forward_length": DIM,
        "bert.attention.head_count": 1,
        "bert.attention.layer_norm_epsilon": 1e-5,
        "bert.attention.causal": False,
        "tokenizer.ggml.model": "bert",
        "tokenizer.ggml.tokens": WORDS,
        "tokenizer.ggml.token_type": [3, 2, 3, 3, *[1] * (len(WORDS) - 4)],
        "tokenizer.ggml.token_type_count": 2,
        "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.unknown_token_id": 1,
        "tokenizer.ggml.cls_token_id": 2,
        "tokenizer.ggml.bos_token_id": 2,
        "tokenizer.ggml.seperator_token_id": 3,
        "tokenizer.ggml.eos_token_id": 3,
    }
    return facts if pooling is None else {**facts, "bert.pooling_type": pooling}


def _tensors(head: bool) -> dict[str, tuple[tuple[int, ...], list[float]]]:
    def filled(*shape: int, value: float = 0.0) -> tuple[tuple[int, ...], list[float]]:
        size = 1
        for each in shape:
            size *= each
        return shape, [value] * size

    unit = (DIM, DIM), [float(row == column) for row in range(DIM) for column in range(DIM)]
    # Each word is a dimension of its own; `cat` is the first.
    words = [float(column == (at - 4) % DIM) for at in range(len(WORDS)) for column in range(DIM)]
    tensors = {
        "token_embd.weight": ((DIM, len(WORDS)), words),
        "position_embd.weight": filled(DIM, CONTEXT),
        "token_types.weight": filled(DIM, 2),
        "blk.0.attn_q.weight": filled(DIM, DIM),
        "blk.0.attn_k.weight": filled(DIM, DIM),
        "blk.0.attn_v.weight": unit,
        "blk.0.attn_output.weight": unit,
        "blk.0.ffn_up.weight": filled(DIM, DIM),
        "blk.0.ffn_down.weight": filled(DIM, DIM),
    }
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_up", "ffn_down"):
        tensors[f"blk.0.{name}.bias"] = filled(DIM)
    for name in ("token_embd_norm", "blk.0.attn_output_norm", "blk.0.layer_output_norm"):
        tensors |= {f"{name}.weight": filled(DIM, value=1.0), f"{name}.bias": filled(DIM)}
    if head:
        tensors |= {"cls.weight": unit, "cls.bias": filled(DIM)}
        tensors |= {"cls.output.weight": ((DIM, 1), [1.0, *[0.0] * (DIM - 1)]), "cls.output.bias": filled(1)}
    return tensors


def write(path: Path, *, pooling: int | None = 4, head: bool = True) -> Path:
    """Write it as GGUF, version 3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Without the head, and
    with another pooling (1: mean), it is a model for embeddings."""
    metadata, tensors = _metadata(pooling), _tensors(head)
    infos, blobs, offset = [], [], 0
    for name, (shape, values) in tensors.items():
        dims = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        infos.append(_string(name) + dims + struct.pack("<IQ", 0, offset))
        blob = struct.pack(f"<{len(values)}f", *values)
        blobs.append(blob + bytes(-len(blob) % ALIGN))
        offset += len(blobs[-1])
    start = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    start += b"".join(_string(name) + _value(value) for name, value in metadata.items()) + b"".join(infos)
    path.write_bytes(start + bytes(-len(start) % ALIGN) + b"".join(blobs))
    return path
