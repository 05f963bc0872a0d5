"""Miners of the built-in tasks, each with what it really computed.

    python miner.py TASK FOLDER SEED prepare     trains, keeps it in the folder, tells how far it is
    python miner.py TASK FOLDER SEED serve       a line of JSON in, a line of JSON out, as every program behind a miner

TASK is search, pretraining, image or embeddings.
"""

import json
import os
import pathlib
import re
import sys

# More threads spin against each other where others work as well.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Steps of training of a language model, and passes over the data set of a generator.
STEPS, EPOCHS = 6000, 60


class Search:
    def __init__(self, folder, seed: int) -> None:
        self.index = Index(Embedder())

    def answer(self, question: str) -> str:
        # What stands between the first colon and the sentence about the form.
        words = question.split(":", 1)[-1].split(". Answer", 1)[0]
        return json.dumps(self.index.search(words))


class Pretraining:
    def __init__(self, folder, seed: int) -> None:
        kept = folder / f"language-{seed}-{STEPS}.txt"
        if not kept.exists():
            model = train(seed, STEPS, tell=lambda step, loss: print(f"step {step}: loss {loss:.3f}", flush=True))
            whole = kept.with_suffix(".new")
            whole.write_text(published(model))
            whole.replace(kept)
        self.model = kept.read_text()

    def answer(self, question: str) -> str:
        return json.dumps({"model": self.model})


class Image:
    def __init__(self, folder, seed: int) -> None:
        # Quicker to train than worth keeping.
        self.generator, self.drawn = Generator(seed, EPOCHS), 0

    def answer(self, question: str) -> str:
        digit = next((place for place, name in enumerate(NAMES) if re.search(rf"\b{name}\b", question)), 0)
        count = int(next(iter(re.findall(r"\d+", question)), 9))
        self.drawn += 1
        pictures = self.generator.draw(digit, min(count, 64), self.drawn)
        return json.dumps({"images": [to_png(picture) for picture in pictures]})


class Embeddings:
    def __init__(self, folder, seed: int) -> None:
        self.embedder = Embedder()

    def vectors(self, texts: list) -> dict:
        vectors = [[float(number) for number in self.embedder.embed(str(text))] for text in texts]
        data = [{"object": "embedding", "index": place, "embedding": vector} for place, vector in enumerate(vectors)]
        tokens = sum(self.embedder.tokens(str(text)) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "model": "all-minilm-l6-v2", "data": data, "usage": usage}

    def answer(self, question: str) -> str:
        raise ValueError("this miner makes embeddings, and chats with nobody")


KINDS = {"search": Search, "pretraining": Pretraining, "image": Image, "embeddings": Embeddings}


def answer(miner, asked: dict) -> dict:
    path, body = asked["path"], asked["body"]
    if path == "/v1/embeddings":
        if not hasattr(miner, "vectors"):
            raise ValueError("this miner makes no embeddings")
        return {"answer": miner.vectors(body["input"])}
    question = body["messages"][-1]["content"]
    content = miner.answer(question)
    return {"content": content, "prompt_tokens": len(question.split()), "completion_tokens": len(content.split())}


def main() -> None:
    task, folder, seed, what = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    folder.mkdir(parents=True, exist_ok=True)
    miner = KINDS[task](folder, seed)
    if what == "prepare":
        return
    for line in sys.stdin:
        try:
            said = answer(miner, json.loads(line))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), flush=True)


main()
