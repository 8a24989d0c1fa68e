"""Writes a small random Llama as a GGUF file: `python tiny.py FILE`. No weights are downloaded.

Its alphabet is that of GPT-2's byte tokens with a few merges, so that every text can be read and counted.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gguf
import numpy

SPECIAL = ("<|bos|>", "<|eos|>", "<|im_start|>", "<|im_end|>")
MERGES = ("t h", "th e", "i n", "Ġ a", "Ġ t", "a n", "e r", "o n", "r e", "Ġ the")
WIDTH, LAYERS, HEADS, FEED, CONTEXT = 64, 2, 4, 128, 2048
TEMPLATE = ("{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
            "<|im_start|>assistant\n")


def byte_tokens() -> list[str]:
    """GPT-2's letter for each byte: itself where it can be seen, else one from 256 on."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, following = [], 256
    for byte in range(256):
        letters.append(chr(byte if byte in seen else following))
        following += byte not in seen
    return letters


def write(path: Path, seed: int = 7) -> int:
    """The file, and how many tokens its alphabet has."""
    tokens = [*SPECIAL, *byte_tokens(), *(merge.replace(" ", "") for merge in MERGES)]
    chance = numpy.random.default_rng(seed)
    out = gguf.GGUFWriter(str(path), "llama")
    out.add_name("tiny-random")
    out.add_context_length(CONTEXT)
    out.add_embedding_length(WIDTH)
    out.add_block_count(LAYERS)
    out.add_feed_forward_length(FEED)
    out.add_head_count(HEADS)
    out.add_head_count_kv(HEADS)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_rope_dimension_count(WIDTH // HEADS)
    out.add_vocab_size(len(tokens))
    out.add_file_type(gguf.LlamaFileType.ALL_F32)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("gpt-2")
    out.add_token_list(tokens)
    kinds = [gguf.TokenType.CONTROL] * len(SPECIAL) + [gguf.TokenType.NORMAL] * (len(tokens) - len(SPECIAL))
    out.add_token_types(kinds)
    out.add_token_merges(MERGES)
    out.add_bos_token_id(0)
    out.add_eos_token_id(1)
    out.add_add_bos_token(False)
    out.add_chat_template(TEMPLATE)

    def random(*shape: int) -> numpy.ndarray:
        return (chance.standard_normal(shape) * 0.08).astype(numpy.float32)

    one = numpy.ones(WIDTH, numpy.float32)
    tensors = {"token_embd.weight": random(len(tokens), WIDTH), "output_norm.weight": one,
               "output.weight": random(len(tokens), WIDTH)}
    for layer in range(LAYERS):
        tensors |= {f"blk.{layer}.attn_norm.weight": one, f"blk.{layer}.ffn_norm.weight": one}
        tensors |= {f"blk.{layer}.{name}.weight": random(WIDTH, WIDTH)
                    for name in ("attn_q", "attn_k", "attn_v", "attn_output")}
        tensors |= {f"blk.{layer}.ffn_gate.weight": random(FEED, WIDTH),
                    f"blk.{layer}.ffn_up.weight": random(FEED, WIDTH),
                    f"blk.{layer}.ffn_down.weight": random(WIDTH, FEED)}
    for name, values in tensors.items():
        out.add_tensor(name, values)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return len(tokens)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
