"""Pictures of handwritten digits: the data set that scikit-learn's package carries, a generator that is trained on it, and the
classifier by which pictures are judged. All with numpy.

Pictures are 8 by 8 pixels; in files 0 to 255, here 0 to 16.
"""

import base64
import gzip
import importlib.util
import pathlib
import struct
import zlib

SIDE, LATENT = 8, 8
NAMES = "zero one two three four five six seven eight nine".split()
# The first so many teach the classifier; the others tell how good it is.
TAUGHT = 1200
# A picture as near as this to one of the data set is a copy.
COPY = 4.0
# The part of real pictures' variety that is enough.
ENOUGH = 0.6


def data():
    """Pictures and what they show: 1797 by 64 numbers from 0 to 16, and digits."""
    import numpy as np

    # Importing the package would ask for what it needs for other things.
    origin = pathlib.Path(importlib.util.find_spec("sklearn").origin).parent
    with gzip.open(origin / "datasets/data/digits.csv.gz", "rt") as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.float32)
    return rows[:, :-1], rows[:, -1].astype(int)


class Adam:
    def __init__(self, np, params: dict, rate: float) -> None:
        self.np, self.params, self.rate, self.step = np, params, rate, 0
        self.first = {name: np.zeros_like(value) for name, value in params.items()}
        self.second = {name: np.zeros_like(value) for name, value in params.items()}

    def take(self, slopes: dict) -> None:
        self.step += 1
        for name, slope in slopes.items():
            self.first[name] += 0.1 * (slope - self.first[name])
            self.second[name] += 0.001 * (slope**2 - self.second[name])
            mean = self.first[name] / (1 - 0.9**self.step)
            self.params[name] -= self.rate * mean / (self.np.sqrt(self.second[name] / (1 - 0.999**self.step)) + 1e-8)


def layer(random, np, rows: int, columns: int):
    return random.normal(0, rows**-0.5, (rows, columns)).astype(np.float32)


class Classifier:
    """A hidden layer of 64, trained anew in a second or two."""

    def __init__(self, seed: int = 1, epochs: int = 60) -> None:
        import numpy as np

        self.np, random = np, np.random.default_rng(seed)
        pictures, digits = data()
        pictures = pictures / 16
        self.p = {"w1": layer(random, np, 64, 64), "b1": np.zeros(64, np.float32)}
        self.p |= {"w2": layer(random, np, 64, 10), "b2": np.zeros(10, np.float32)}
        adam = Adam(np, self.p, 2e-3)
        for _ in range(epochs):
            for at in np.array_split(random.permutation(TAUGHT), TAUGHT // 32):
                x, hidden, guess = self.forward(pictures[at])
                guess[np.arange(len(at)), digits[at]] -= 1
                guess /= len(at)
                back = (guess @ self.p["w2"].T) * (hidden > 0)
                adam.take({"w1": x.T @ back, "b1": back.sum(0), "w2": hidden.T @ guess, "b2": guess.sum(0)})
        right = self.forward(pictures[TAUGHT:])[2].argmax(1) == digits[TAUGHT:]
        self.accuracy = float(right.mean())

    def forward(self, x):
        np = self.np
        hidden = np.maximum(x @ self.p["w1"] + self.p["b1"], 0)
        logits = hidden @ self.p["w2"] + self.p["b2"]
        guess = np.exp(logits - logits.max(-1, keepdims=True))
        return x, hidden, guess / guess.sum(-1, keepdims=True)

    def likely(self, pictures, digit: int):
        return self.forward(pictures / 16)[2][:, digit]


class Generator:
    """A variational autoencoder that knows which digit it draws."""

    def __init__(self, seed: int, epochs: int) -> None:
        import numpy as np

        self.np, random = np, np.random.default_rng(seed)
        pictures, digits = data()
        pictures, kinds = pictures / 16, np.eye(10, dtype=np.float32)[digits]
        sizes = {"e1": (74, 96), "em": (96, LATENT), "ev": (96, LATENT), "d1": (LATENT + 10, 96), "d2": (96, 64)}
        self.p = {name: layer(random, np, *shape) for name, shape in sizes.items()}
        self.p |= {name + "b": np.zeros(shape[1], np.float32) for name, shape in sizes.items()}
        adam, p = Adam(np, self.p, 2e-3), self.p
        for _ in range(epochs):
            for at in np.array_split(random.permutation(len(pictures)), len(pictures) // 64):
                x, kind = pictures[at], kinds[at]
                seen = np.concatenate([x, kind], 1)
                hidden = np.maximum(seen @ p["e1"] + p["e1b"], 0)
                mean, logs = hidden @ p["em"] + p["emb"], np.clip(hidden @ p["ev"] + p["evb"], -6, 2)
                noise = random.normal(0, 1, mean.shape).astype(np.float32)
                latent = mean + np.exp(logs / 2) * noise
                code = np.concatenate([latent, kind], 1)
                inner = np.maximum(code @ p["d1"] + p["d1b"], 0)
                drawn = 1 / (1 + np.exp(-(inner @ p["d2"] + p["d2b"])))
                # Cross-entropy of pixels, and the divergence of the latents from the normal distribution.
                out = (drawn - x) / len(at)
                back = (out @ p["d2"].T) * (inner > 0)
                to_latent = (back @ p["d1"].T)[:, :LATENT]
                to_mean = to_latent + mean / len(at)
                to_logs = to_latent * noise * np.exp(logs / 2) / 2 + (np.exp(logs) - 1) / 2 / len(at)
                to_hidden = (to_mean @ p["em"].T + to_logs @ p["ev"].T) * (hidden > 0)
                slopes = {"d2": inner.T @ out, "d2b": out.sum(0), "d1": code.T @ back, "d1b": back.sum(0)}
                slopes |= {"em": hidden.T @ to_mean, "emb": to_mean.sum(0), "ev": hidden.T @ to_logs, "evb": to_logs.sum(0)}
                adam.take(slopes | {"e1": seen.T @ to_hidden, "e1b": to_hidden.sum(0)})

    def draw(self, digit: int, count: int, seed: int):
        np = self.np
        latent = np.random.default_rng(seed).normal(0, 1, (count, LATENT)).astype(np.float32)
        code = np.concatenate([latent, np.tile(np.eye(10, dtype=np.float32)[digit], (count, 1))], 1)
        inner = np.maximum(code @ self.p["d1"] + self.p["d1b"], 0)
        return 16 / (1 + np.exp(-(inner @ self.p["d2"] + self.p["d2b"])))


def to_png(picture) -> str:
    """A picture as a gray PNG in base64."""
    rows = picture.reshape(SIDE, SIDE).clip(0, 16) * 255 / 16
    raw = b"".join(b"\0" + bytes(int(round(float(pixel))) for pixel in row) for row in rows)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return base64.b64encode(png).decode()


def from_png(text: str):
    """The picture of a gray PNG of 8 by 8 pixels and 8 bits, in base64 or behind `data:image/png;base64,`."""
    import numpy as np

    data = base64.b64decode(text.removeprefix("data:image/png;base64,"), validate=True)
    if data[:8] != b"\x89PNG\r\n\x1a\n" or len(data) > 65536:
        raise ValueError("it is no PNG")
    at, packed, head = 8, b"", None
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            head = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        at += length + 12
    if head != (SIDE, SIDE, 8, 0, 0, 0, 0):
        raise ValueError("it is no gray picture of 8 by 8 pixels and 8 bits")
    unpacker = zlib.decompressobj()
    raw = unpacker.decompress(packed, SIDE * (SIDE + 1))
    if len(raw) != SIDE * (SIDE + 1):
        raise ValueError("it has too few pixels")
    above, rows = [0] * SIDE, []
    for start in range(0, len(raw), SIDE + 1):
        how, row = raw[start], []
        for x, byte in enumerate(raw[start + 1 : start + 1 + SIDE]):
            left, up, corner = row[x - 1] if x else 0, above[x], above[x - 1] if x else 0
            guess = left + up - corner
            near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
            row.append((byte + (0, left, up, (left + up) // 2, near)[how]) % 256)
        rows.append(row)
        above = row
    return np.array(rows, dtype=np.float32).reshape(-1) * 16 / 255


class Judge:
    """What pictures of a digit are worth."""

    def __init__(self) -> None:
        import numpy as np

        self.np, self.classifier = np, Classifier()
        self.pictures, self.digits = data()

    def variety(self, pictures) -> float:
        """The mean distance of two of them."""
        np = self.np
        apart = np.sqrt(((pictures[:, None] - pictures[None]) ** 2).sum(-1))
        count = len(pictures)
        return float(apart.sum() / (count * (count - 1))) if count > 1 else 0.0

    def worth(self, digit: int, count: int, answer: str) -> dict:
        """How likely the classifier takes them for the digit, times their variety beside that of real ones. Copies of the data set
        count for nothing, and so do pictures that are missing."""
        import json

        np = self.np
        try:
            found = json.loads(answer[answer.index("{") : answer.rindex("}") + 1])["images"][:count]
            drawn = np.stack([from_png(str(text)) for text in found])
        except (ValueError, KeyError, TypeError, IndexError, zlib.error) as error:
            return {"score": 0.0, "why": f"{type(error).__name__}: {error}"}
        near = np.sqrt(((drawn[:, None] - self.pictures[None]) ** 2).sum(-1)).min(1)
        likely = np.where(near < COPY, 0, self.classifier.likely(drawn, digit))
        quality = float(likely.sum()) / count
        variety = self.variety(drawn) / self.variety(self.pictures[self.digits == digit][:100])
        score = quality * min(1.0, variety / ENOUGH)
        copies = int((near < COPY).sum())
        return {"score": score, "quality": quality, "variety": variety, "copies": copies}
