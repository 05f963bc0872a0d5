"""A small language model of characters, trained with numpy: what the pretraining task is about.

The next character of ASCII text from the eight before it: embeddings of 16, a hidden layer of 128, all in half precision when it is
published, as safetensors.
"""

import base64
import hashlib

CONTEXT, WIDTH, HIDDEN = 8, 16, 128
# Printable ASCII and the line break; what is neither is the first one.
ALPHABET = "\0\n" + "".join(map(chr, range(32, 127)))
SHAPES = {
    "embed": (len(ALPHABET), WIDTH),
    "w1": (CONTEXT * WIDTH, HIDDEN),
    "b1": (HIDDEN,),
    "w2": (HIDDEN, len(ALPHABET)),
    "b2": (len(ALPHABET),),
}
# The most bytes of a published model.
MOST_BYTES = 128 << 10


def encoded(text: str):
    import numpy as np

    places = {character: place for place, character in enumerate(ALPHABET)}
    return np.array([places.get(character, 0) for character in text], dtype=np.int64)


def texts(held_out: bool):
    """The training text, or the one that is held out: every fifth document by the digest of its link."""
    chosen = []
    for link, text in sorted(documents().items()):
        if (hashlib.sha256(link.encode()).digest()[0] % 5 == 0) == held_out:
            chosen.append(text)
    return encoded("\n\n".join(chosen))


def windows(np, text, places):
    return text[places[:, None] + np.arange(CONTEXT)], text[places + CONTEXT]


def forward(np, model, context):
    x = model["embed"][context].reshape(len(context), -1)
    hidden = np.tanh(x @ model["w1"] + model["b1"])
    logits = hidden @ model["w2"] + model["b2"]
    logits -= logits.max(-1, keepdims=True)
    return x, hidden, logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def loss(np, model, text, seed: int, count: int) -> float:
    """Mean negative logarithm of the right character's probability, in nats, at so many places that the seed draws."""
    places = np.random.default_rng(seed).integers(0, len(text) - CONTEXT, count)
    context, target = windows(np, text, places)
    return float(-forward(np, model, context)[2][np.arange(count), target].mean())


def train(seed: int, steps: int, batch: int = 256, rate: float = 3e-3, tell=None) -> dict:
    """Trains by Adam from random weights. A step is one batch."""
    import numpy as np

    random, text = np.random.default_rng(seed), texts(held_out=False)
    model = {
        name: (random.normal(0, shape[0] ** -0.5, shape) if len(shape) > 1 else np.zeros(shape)).astype(np.float32)
        for name, shape in SHAPES.items()
    }
    first = {name: np.zeros_like(value) for name, value in model.items()}
    second = {name: np.zeros_like(value) for name, value in model.items()}
    for step in range(1, steps + 1):
        context, target = windows(np, text, random.integers(0, len(text) - CONTEXT, batch))
        x, hidden, logs = forward(np, model, context)
        delta = np.exp(logs)
        delta[np.arange(batch), target] -= 1
        delta /= batch
        back = (delta @ model["w2"].T) * (1 - hidden**2)
        embed = np.zeros_like(model["embed"])
        np.add.at(embed, context, (back @ model["w1"].T).reshape(batch, CONTEXT, WIDTH))
        slopes = {"embed": embed, "w1": x.T @ back, "b1": back.sum(0), "w2": hidden.T @ delta, "b2": delta.sum(0)}
        pace = rate * min(1.0, 2 * (1 - step / (steps + 1)))
        for name, slope in slopes.items():
            first[name] += 0.1 * (slope - first[name])
            second[name] += 0.001 * (slope**2 - second[name])
            moved = (first[name] / (1 - 0.9**step)) / (np.sqrt(second[name] / (1 - 0.999**step)) + 1e-8)
            model[name] -= (pace * moved).astype(np.float32)
        if tell and step % 500 == 0:
            tell(step, float(-logs[np.arange(batch), target].mean()))
    return model


def published(model: dict) -> str:
    import numpy as np
    from safetensors.numpy import save

    return base64.b64encode(save({name: value.astype(np.float16) for name, value in model.items()})).decode()


def read_model(text: str) -> tuple[dict, str]:
    """A published model and its digest. Nothing of it is run: it is numbers of the shapes that are known."""
    import numpy as np
    from safetensors.numpy import load

    if len(text) > MOST_BYTES * 4 // 3 + 4:
        raise ValueError(f"a model has at most {MOST_BYTES} bytes")
    data = base64.b64decode(text, validate=True)
    model = load(data)
    if {name: value.shape for name, value in model.items()} != SHAPES:
        raise ValueError("the model's tensors are not those of the task")
    model = {name: value.astype(np.float32) for name, value in model.items()}
    if not all(np.isfinite(value).all() for value in model.values()):
        raise ValueError("the model has numbers that are none")
    # Of the numbers, since the same ones can be written in several ways.
    digest = hashlib.sha256(b"".join(model[name].tobytes() for name in sorted(model))).hexdigest()
    return model, digest
