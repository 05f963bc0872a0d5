import OpenAI from "openai";

const [url, key] = process.argv.slice(2);
const client = new OpenAI({ baseURL: url + "/v1", apiKey: key, maxRetries: 0 });
const models = await client.models.list();
console.log("models", models.data.map((model) => model.id).join(" "));
const asked = { model: "small", messages: [{ role: "user", content: "hello" }], max_tokens: 64 };
const { data, response } = await client.chat.completions.create(asked).withResponse();
console.log("answer", data.choices[0].message.content, data.usage.total_tokens, response.headers.get("x-tetra-miner-uid"));
const pieces = [];
let usage;
for await (const chunk of await client.chat.completions.create({
  ...asked,
  stream: true,
  stream_options: { include_usage: true },
})) {
  for (const choice of chunk.choices) if (choice.delta.content) pieces.push(choice.delta.content);
  usage = chunk.usage;
}
console.log("stream", pieces.join("|"), usage.total_tokens);
const older = await client.completions.create({ model: "small", prompt: "hello", max_tokens: 64 });
console.log("older", older.choices[0].text);
const vectors = await client.embeddings.create({ model: "vectors", input: ["one", "two"] });
console.log("embeddings", vectors.data.map((one) => one.embedding.join(",")).join(" "), vectors.usage.total_tokens);
const failing = {
  key: () => new OpenAI({ baseURL: url + "/v1", apiKey: "sk-no", maxRetries: 0 }).models.list(),
  n: () => client.chat.completions.create({ ...asked, n: 2 }),
  model: () => client.chat.completions.create({ ...asked, model: "large" }),
};
for (const [name, call] of Object.entries(failing)) {
  try {
    await call();
    console.log(name, "taken");
  } catch (error) {
    console.log(name, error.constructor.name, error.status, error.error.message);
  }
}
