"""Searches in Python's documentation: a query, answers with links, and what they are worth."""

import json
import math
import random

# Words that a passage has at least and at most, words of a query, and links that an answer may have.
PASSAGE, QUERY, LINKS = (18, 90), 9, 3
# Too common to search by.
COMMON = set(
    """a an and are as at be been but by can do does for from has have if in into is it its may more must no not of on one only or
other so such than that the their then there these they this to use used was when where which will with you""".split()
)


def plain(text: str) -> str:
    return " ".join(text.split())


def content(text: str) -> list[str]:
    """The words of a text that tell what it is about."""
    words = (word.strip(".,:;()[]'\"`*") for word in text.split())
    return [word for word in words if len(word) > 2 and word.lower() not in COMMON]


def query(seed: int) -> tuple[str, str, str]:
    """Words of a passage in an order of their own, the passage's link and the passage."""
    found = passages(*PASSAGE)
    link, passage = found[seed % len(found)]
    words = sorted(set(content(passage)))
    picked = random.Random(seed).sample(words, min(QUERY, len(words)))
    return " ".join(picked), link, passage


def read_links(answer: str) -> list:
    """The list of an answer; none where it is none."""
    try:
        found = json.loads(answer[answer.index("[") : answer.rindex("]") + 1])
    except ValueError:
        return []
    return [item for item in found if isinstance(item, dict)][:LINKS]


def worth(embedder, texts: dict, link: str, passage: str, answer: str) -> dict:
    """What an answer is worth, 0 to 1: how near its best and its average text is to the passage, and whether the passage's own link is
    there. A text that does not stand behind its link costs."""
    near, false, found = [], 0, False
    wanted = embedder.embed(passage)
    for item in read_links(answer):
        named, text = str(item.get("link", "")), plain(str(item.get("text", "")))
        words = len(text.split())
        if named not in texts or not 5 <= words <= 120 or text not in plain(texts[named]):
            false += 1
            continue
        near.append(max(0.0, float(wanted @ embedder.embed(text))))
        found = found or named == link
    best, mean = max(near, default=0.0), sum(near) / LINKS
    score = 0.5 * best + 0.2 * mean + 0.3 * found - 0.25 * false
    return {"score": min(1.0, max(0.0, score)), "near": near, "false": false, "found": found}


class Index:
    """All passages by their words: the best by BM25 are put in order by their embeddings."""

    # Of how many the order is made, and BM25's usual constants.
    BEST, K, B = 12, 1.2, 0.75

    def __init__(self, embedder) -> None:
        self.embedder, self.passages = embedder, passages(*PASSAGE)
        self.words = [[word.lower() for word in content(text)] for _, text in self.passages]
        self.mean = sum(map(len, self.words)) / len(self.words)
        self.rarity = {}
        for words in self.words:
            for word in set(words):
                self.rarity[word] = self.rarity.get(word, 0) + 1

    def weigh(self, asked: set, words: list) -> float:
        total = 0.0
        for word in asked.intersection(words):
            seen, found = words.count(word), self.rarity[word]
            rare = math.log(1 + (len(self.words) - found + 0.5) / (found + 0.5))
            total += rare * seen * (self.K + 1) / (seen + self.K * (1 - self.B + self.B * len(words) / self.mean))
        return total

    def search(self, query: str) -> list[dict]:
        asked = {word.lower() for word in content(query)}
        order = sorted(range(len(self.words)), key=lambda at: -self.weigh(asked, self.words[at]))[: self.BEST]
        wanted = self.embedder.embed(query)
        order.sort(key=lambda at: -float(wanted @ self.embedder.embed(self.passages[at][1])))
        return [{"link": self.passages[at][0], "text": self.passages[at][1]} for at in order[:LINKS]]
