"""llama.cpp's OpenAI-compatible server: `python server.py PORT FILE SECRET [embedding]`. Loopback only."""

from __future__ import annotations

import signal
import sys

import xllamacpp


def main(port: int, model: str, secret: str, embedding: bool) -> None:
    chosen = xllamacpp.CommonParams()
    chosen.model.path = model
    chosen.hostnames = ["127.0.0.1"]
    chosen.port = port
    chosen.n_parallel, chosen.n_ctx = 4, 8192
    chosen.cpuparams.n_threads = chosen.cpuparams_batch.n_threads = 1
    chosen.endpoint_metrics, chosen.warmup = True, False
    chosen.api_keys = [secret]
    chosen.model_alias = {"tiny-random"} if not isinstance(chosen.model_alias, str) else "tiny-random"
    if embedding:
        chosen.embedding = True
        chosen.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    server = xllamacpp.Server(chosen)
    sys.stdout.write(f"listening at {server.listening_address}\n")
    sys.stdout.flush()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], "embedding" in sys.argv[4:])
