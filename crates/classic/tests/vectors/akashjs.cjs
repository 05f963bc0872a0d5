// Prints what the npm package `@akashnetwork/akashjs` 0.11.1 sends: encoded messages and queries, as JSON.
//
// Nothing is connected: queries are kept instead of sent. SDL names the deployment file.

const fs = require("node:fs");
const path = require("node:path");
const here = require("node:module").createRequire(path.join(process.cwd(), "/"));
const { Registry } = here("@cosmjs/proto-signing");
const { SDL } = here("@akashnetwork/akashjs/build/sdl");
const { getAkashTypeRegistry } = here("@akashnetwork/akashjs/build/stargate");
const audit = here("@akashnetwork/akash-api/akash/audit/v1beta3");
const cert = here("@akashnetwork/akash-api/akash/cert/v1beta3");
const deployment = here("@akashnetwork/akash-api/akash/deployment/v1beta3");
const market = here("@akashnetwork/akash-api/akash/market/v1beta4");
const provider = here("@akashnetwork/akash-api/akash/provider/v1beta3");

const owner = "akash19rl4cm2hmr8afy4kldpxz3fka4jguq0a3mq6x0";
const seller = "akash15v7v3q48d7hul42ma49wvnnkkfc6jz6e9p5hcg";
const dseq = 1767225600;
const bytes = (text) => new TextEncoder().encode(text);

async function main() {
  const sdl = SDL.fromString(fs.readFileSync(process.env.SDL, "utf8"), "beta3");
  const version = await sdl.manifestVersion();
  const id = { owner, dseq };
  const group = { ...id, gseq: 2 };
  const order = { ...group, oseq: 3 };
  const bid = { ...order, provider: seller };
  const coin = (amount) => ({ denom: "uakt", amount });
  const attributes = [{ key: "region", value: "eu" }];
  const info = { email: "a@b.example", website: "https://b.example" };
  const host = { owner: seller, hostUri: "https://provider.example:8443", attributes, info };
  const values = {
    "akash.cert.v1beta3.MsgCreateCertificate": { owner, cert: bytes("a certificate"), pubkey: bytes("a key") },
    "akash.cert.v1beta3.MsgRevokeCertificate": { id: { owner, serial: "1234567890123456789" } },
    "akash.deployment.v1beta3.MsgCreateDeployment":
      { id, groups: sdl.groups(), version, deposit: coin("5000000"), depositor: owner },
    "akash.deployment.v1beta3.MsgDepositDeployment": { id, amount: coin("7"), depositor: owner },
    "akash.deployment.v1beta3.MsgUpdateDeployment": { id, version },
    "akash.deployment.v1beta3.MsgCloseDeployment": { id },
    "akash.deployment.v1beta3.MsgCloseGroup": { id: group },
    "akash.deployment.v1beta3.MsgPauseGroup": { id: group },
    "akash.deployment.v1beta3.MsgStartGroup": { id: group },
    "akash.market.v1beta4.MsgCreateBid": { order, provider: seller, price: coin("1.5"), deposit: coin("500000") },
    "akash.market.v1beta4.MsgCloseBid": { bidId: bid },
    "akash.market.v1beta4.MsgCreateLease": { bidId: bid },
    "akash.market.v1beta4.MsgWithdrawLease": { bidId: bid },
    "akash.market.v1beta4.MsgCloseLease": { leaseId: bid },
    "akash.provider.v1beta3.MsgCreateProvider": host,
    "akash.provider.v1beta3.MsgUpdateProvider": host,
    "akash.provider.v1beta3.MsgDeleteProvider": { owner: seller },
    "akash.audit.v1beta3.MsgSignProviderAttributes": { owner: seller, auditor: owner, attributes },
    "akash.audit.v1beta3.MsgDeleteProviderAttributes": { owner: seller, auditor: owner, keys: ["region"] },
  };
  const types = new Map(getAkashTypeRegistry());
  const registry = new Registry([...types]);
  const messages = Object.entries(values).map(([name, value]) => {
    const typeUrl = `/${name}`;
    const encoded = registry.encode({ typeUrl, value: types.get(typeUrl).fromPartial(value) });
    return { url: typeUrl, value: Buffer.from(encoded).toString("hex") };
  });

  const queries = [];
  const rpc = {
    request(service, method, data) {
      queries.push({ path: `/${service}/${method}`, data: Buffer.from(data).toString("hex") });
      return Promise.resolve(new Uint8Array());
    },
  };
  const pagination = { limit: 5, countTotal: true };
  const asked = [
    [cert, "Certificates", { filter: { owner, state: "valid" }, pagination }],
    [deployment, "Deployments", { filters: { owner, state: "active" }, pagination }],
    [deployment, "Deployment", { id }],
    [deployment, "Group", { id: group }],
    [market, "Orders", { filters: { ...order, state: "open" }, pagination }],
    [market, "Order", { id: order }],
    [market, "Bids", { filters: { ...bid, state: "open" }, pagination }],
    [market, "Bid", { id: bid }],
    [market, "Leases", { filters: { ...bid, state: "active" }, pagination }],
    [market, "Lease", { id: bid }],
    [provider, "Providers", { pagination }],
    [provider, "Provider", { owner: seller }],
    [audit, "AllProvidersAttributes", { pagination }],
    [audit, "ProviderAttributes", { owner: seller }],
    [audit, "ProviderAuditorAttributes", { owner: seller, auditor: owner }],
    [audit, "AuditorAttributes", { auditor: owner }],
  ];
  for (const [api, method, value] of asked) {
    // The requests of audits are not named after their methods throughout.
    const request = {
      AllProvidersAttributes: "QueryAllProvidersAttributesRequest",
      ProviderAuditorAttributes: "QueryProviderAuditorRequest",
    }[method] ?? `Query${method}Request`;
    await new api.QueryClientImpl(rpc)[method](api[request].fromPartial(value));
  }
  console.log(JSON.stringify({ messages, queries }, undefined, 1));
}

main();
