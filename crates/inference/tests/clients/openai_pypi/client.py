import sys

import openai

url, key = sys.argv[1:]
client = openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
print("models", [model.id for model in client.models.list()])
asked = {"model": "small", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 64}
raw = client.chat.completions.with_raw_response.create(**asked)
answer = raw.parse()
print("answer", answer.choices[0].message.content, answer.usage.total_tokens, raw.headers["x-tetra-miner-uid"])
pieces = []
for chunk in client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **asked):
    pieces += [choice.delta.content for choice in chunk.choices if choice.delta.content]
    usage = chunk.usage
print("stream", pieces, usage.total_tokens)
print("older", client.completions.create(model="small", prompt="hello", max_tokens=64).choices[0].text)
vectors = client.embeddings.create(model="vectors", input=["one", "two"])
print("embeddings", [one.embedding for one in vectors.data], vectors.usage.total_tokens)
for name, call in {
    "key": lambda: openai.OpenAI(base_url=url + "/v1", api_key="sk-no", max_retries=0).models.list(),
    "n": lambda: client.chat.completions.create(n=2, **asked),
    "model": lambda: client.chat.completions.create(**{**asked, "model": "large"}),
}.items():
    try:
        call()
        print(name, "taken")
    except openai.APIStatusError as error:
        print(name, type(error).__name__, error.status_code, error.body["message"])
