"""What a validator's tasks ask of Python: questions, and what answers are worth.

Reads a line of JSON, answers a line of JSON:

    {"op": "question", "seed": 7}                          -> {"question": "...", "reference": "...", "of": 250}
    {"op": "likeness", "texts": ["a", "b"]}                -> {"likeness": 0.42}
    {"op": "embed", "texts": ["a"]}                        -> {"vectors": [[0.1, ...]], "tokens": 3}
    {"op": "query", "seed": 7}                             -> {"query": "...", "link": "pydoc:...", "passage": "..."}
    {"op": "links", "link": .., "passage": .., "answer"}   -> {"score": 0.8, ...}
    {"op": "loss", "seed": 7, "answer": ".."}              -> {"loss": 1.9, "digest": ".."}
    {"op": "digits", "digit": 7, "count": 9, "answer": ..} -> {"score": 0.6, ...}
"""

import json
import os
import sys

# More threads spin against each other where others work as well.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Places of the held-out text at which a model is tried.
TRIED = 4096


class Desk:
    def __init__(self) -> None:
        self.kept = {}

    def once(self, name: str, make):
        """What is made when it is first asked for."""
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]

    def embedder(self):
        return self.once("embedder", Embedder)

    def question(self, asked: dict) -> dict:
        pairs = self.once("corpus", corpus)
        question, reference = pairs[asked["seed"] % len(pairs)]
        return {"question": question, "reference": reference, "of": len(pairs)}

    def likeness(self, asked: dict) -> dict:
        a, b = asked["texts"]
        return {"likeness": self.embedder().likeness(a, b)}

    def embed(self, asked: dict) -> dict:
        embedder = self.embedder()
        vectors = [[float(number) for number in embedder.embed(text)] for text in asked["texts"]]
        return {"vectors": vectors, "tokens": sum(embedder.tokens(text) for text in asked["texts"])}

    def query(self, asked: dict) -> dict:
        words, link, passage = query(asked["seed"])
        return {"query": words, "link": link, "passage": passage}

    def links(self, asked: dict) -> dict:
        texts = self.once("documents", documents)
        return worth(self.embedder(), texts, asked["link"], asked["passage"], asked["answer"])

    def loss(self, asked: dict) -> dict:
        import numpy as np

        held_out = self.once("held out", lambda: texts(held_out=True))
        answer = asked["answer"]
        try:
            found = json.loads(answer[answer.index("{") : answer.rindex("}") + 1])
            model, digest = read_model(str(found["model"]))
        # Whatever is wrong with it, it is no model.
        except Exception as error:
            return {"loss": None, "digest": None, "why": f"{type(error).__name__}: {error}"}
        with np.errstate(all="ignore"):
            value = loss(np, model, held_out, asked["seed"], TRIED)
        return {"loss": value if np.isfinite(value) else None, "digest": digest}

    def digits(self, asked: dict) -> dict:
        return self.once("judge", Judge).worth(asked["digit"], asked["count"], asked["answer"])


OPS = {"question", "likeness", "embed", "query", "links", "loss", "digits"}


def main() -> None:
    desk = Desk()
    for line in sys.stdin:
        try:
            asked = json.loads(line)
            if asked["op"] not in OPS:
                raise ValueError(f"there is no op {asked['op']!r}")
            answer = getattr(desk, asked["op"])(asked)
        except (KeyError, TypeError, ValueError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
