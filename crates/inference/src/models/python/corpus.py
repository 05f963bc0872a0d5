"""Python's own documentation, as it is shipped with CPython: what its functions do, and the topics of its language reference."""

import importlib
import inspect

# Modules of the standard library whose functions are asked about.
MODULES = """builtins math statistics random itertools functools operator string textwrap json csv os.path shutil glob fnmatch
bisect heapq collections copy pprint datetime time calendar zlib gzip base64 hashlib hmac secrets urllib.parse html re difflib""".split()
# Words that a reference has at least and at most.
LEAST, MOST = 6, 60


def corpus() -> list[tuple[str, str]]:
    """Questions and answers: each public function's first paragraph of documentation."""
    pairs = []
    for module in MODULES:
        for name, value in sorted(vars(importlib.import_module(module)).items()):
            if name.startswith("_") or not callable(value) or inspect.isclass(value):
                continue
            if getattr(value, "__module__", module) not in (module, None, "posixpath", "genericpath", "_" + module):
                continue
            text = (inspect.getdoc(value) or "").strip()
            reference = " ".join(text.split("\n\n")[0].split())
            if LEAST <= len(reference.split()) <= MOST:
                full = name if module == "builtins" else f"{module}.{name}"
                pairs.append((f"In Python, what does the function {full} do? Answer in one sentence.", reference))
    return pairs


def documents() -> dict[str, str]:
    """Texts by their links: a function's documentation is pydoc:math.sqrt, a topic of the reference pydoc:for."""
    from pydoc_data.topics import topics

    found = {f"pydoc:{name}": text for name, text in topics.items()}
    for module in MODULES:
        for name, value in vars(importlib.import_module(module)).items():
            if not name.startswith("_") and callable(value) and not inspect.isclass(value):
                text = inspect.getdoc(value) or ""
                if len(text.split()) >= LEAST:
                    found[f"pydoc:{name if module == 'builtins' else f'{module}.{name}'}"] = text
    return found


def passages(least: int, most: int) -> list[tuple[str, str]]:
    """Paragraphs with their links that have so many words, in an order that is always the same."""
    found = []
    for link, text in sorted(documents().items()):
        for paragraph in text.split("\n\n"):
            plain = " ".join(paragraph.split())
            if least <= len(plain.split()) <= most:
                found.append((link, plain))
    return found
