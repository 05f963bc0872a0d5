"""OpenAI's own client against a gateway: python subnet_client.py URL KEY. Prints a line of JSON."""

import json
import sys

import openai

url, key = sys.argv[1:]
client = openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=120)
told = {"models": len(client.models.list().data)}
messages = [{"role": "user", "content": "In Python, what does the function len do?"}]
try:
    raw = client.chat.completions.with_raw_response.create(model="smollm2-135m-instruct", messages=messages, max_tokens=40)
    answer = raw.parse()
    told |= {"uid": int(raw.headers["x-tetra-miner-uid"]), "said": answer.choices[0].message.content}
    told |= {"tokens": answer.usage.total_tokens}
except openai.APIStatusError as error:
    told |= {"uid": -error.status_code, "said": error.message}
print(json.dumps(told))
