#!/usr/bin/env python3
"""The task of a validator that does not score: it takes the weights that others revealed."""

import json
import os
import subprocess
import sys

TETRA = os.environ["TETRA_DEMO_PROGRAM"]


def tetra(*arguments):
    return json.loads(subprocess.run([TETRA, *arguments, "-o", "json"], capture_output=True, check=True).stdout)


def revealed():
    """What miners got, by hotkey, of the first validator that weighs any."""
    hotkeys = {neuron["uid"]: neuron["hotkey"] for neuron in tetra("subnet", "metagraph", "1")}
    for weights in tetra("subnet", "weights", "1")["weights"]:
        if weights["row"]:
            return {hotkeys[uid]: value / 65535 for uid, value in weights["row"]}
    return {}


known = {}
for line in sys.stdin:
    asked = json.loads(line)
    if asked["op"] == "ask":
        known = revealed()
        answer = {"question": "In Python, what does the function len do? Answer in one sentence."}
    else:
        answer = {"score": known.get(asked["miner"], 0.0)}
    print(json.dumps(answer), flush=True)
