// A tenant, and where it is asked for a provider, of the npm package `@akashnetwork/akashjs` 0.11.1, from the certificate to
// the end of the deployment.
//
// Environment: RPC, WORDS (whose first account is the tenant), SDL (file), PROXY (URL) where there is a provider that runs
// containers, SELLER (the index of an account) where one is to be played. Each step prints a line; the last one is `all done`.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const { DirectSecp256k1HdWallet, makeCosmoshubPath } = require("@cosmjs/proto-signing");
const { StargateClient, logs } = require("@cosmjs/stargate");
const { broadcastCertificate } = require("@akashnetwork/akashjs/build/certificates");
const { certificateManager } = require("@akashnetwork/akashjs/build/certificates/certificate-manager");
const { getMsgClient, getQueryClient } = require("@akashnetwork/akashjs/build/rpc");
const { SDL } = require("@akashnetwork/akashjs/build/sdl");
const { Message } = require("@akashnetwork/akashjs/build/stargate");
const cert = require("@akashnetwork/akash-api/akash/cert/v1beta3");
const deployment = require("@akashnetwork/akash-api/akash/deployment/v1beta3");
const escrow = require("@akashnetwork/akash-api/akash/escrow/v1beta3");
const market = require("@akashnetwork/akash-api/akash/market/v1beta4");
const provider = require("@akashnetwork/akash-api/akash/provider/v1beta3");

// `Deployment.State`, whose names the package does not export.
const DEPLOYMENT = { active: 1, closed: 2 };
const LIMIT_MS = 120_000;
const done = (step, facts = {}) => console.log(step, JSON.stringify(facts));

async function until(ask) {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const found = await ask();
    if (found) return found;
    assert(Date.now() < deadline, "the time is over");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

// Signs and sends one message, and checks that the answer is of its generation.
async function sender(index) {
  const hdPaths = [makeCosmoshubPath(index)];
  const wallet = await DirectSecp256k1HdWallet.fromMnemonic(process.env.WORDS, { prefix: "akash", hdPaths });
  const [{ address }] = await wallet.getAccounts();
  const client = await getMsgClient(process.env.RPC, wallet);
  const send = async (typeUrl, value) => {
    const result = await client.signAndBroadcast(address, [{ typeUrl, value }], "auto");
    assert.equal(result.code, 0, result.rawLog);
    assert.equal(result.msgResponses[0].typeUrl, `${typeUrl}Response`);
    return result;
  };
  return { address, client, send };
}

// A provider that registers and bids.
async function sell(order) {
  const { address, send } = await sender(Number(process.env.SELLER));
  const hostUri = "https://127.0.0.1:8443";
  await send("/akash.provider.v1beta3.MsgCreateProvider", provider.MsgCreateProvider.fromPartial({
    owner: address,
    hostUri,
    attributes: [{ key: "region", value: "test" }],
    info: { email: "", website: "" },
  }));
  await send("/akash.market.v1beta4.MsgCreateBid", market.MsgCreateBid.fromPartial({
    order,
    provider: address,
    price: { denom: "uakt", amount: "3" },
    deposit: { denom: "uakt", amount: "500000" },
  }));
  done("bid made");
}

async function main() {
  const { address: owner, client, send } = await sender(0);
  const rpc = await getQueryClient(process.env.RPC);
  const deployments = new deployment.QueryClientImpl(rpc);
  const bids = new market.QueryClientImpl(rpc);
  // What the modules announced, as the log tells it.
  const told = (result, key) => logs.findAttribute(logs.parseRawLog(result.rawLog), "akash.v1", key).value;

  const sdl = SDL.fromString(fs.readFileSync(process.env.SDL, "utf8"), "beta3");
  const pem = certificateManager.generatePEM(owner);
  const result = await broadcastCertificate(pem, owner, client);
  assert.equal(result.code, 0, result.rawLog);
  const valid = cert.QueryCertificatesRequest.fromPartial({ filter: { owner, state: "valid" } });
  const published = await new cert.QueryClientImpl(rpc).Certificates(valid);
  const pems = published.certificates.map((one) => Buffer.from(one.certificate.cert).toString());
  assert(pems.includes(pem.cert), "the certificate is on the chain");
  done("certificate");

  const dseq = await client.getHeight();
  const id = { owner, dseq };
  const created = await send(Message.MsgCreateDeployment, deployment.MsgCreateDeployment.fromPartial({
    id,
    groups: sdl.groups(),
    version: await sdl.manifestVersion(),
    deposit: { denom: "uakt", amount: "5000000" },
    depositor: owner,
  }));
  assert.equal(told(created, "dseq"), String(dseq));
  const one = deployment.QueryDeploymentRequest.fromPartial({ id });
  const shown = await deployments.Deployment(one);
  assert.equal(shown.deployment.state, DEPLOYMENT.active);
  assert.deepEqual(shown.deployment.version, await sdl.manifestVersion());
  assert.equal(shown.groups[0].groupSpec.name, "anywhere");
  assert.equal(shown.escrowAccount.owner, owner);
  done("deployment", { groups: shown.groups.length });

  if (process.env.SELLER) {
    await sell({ owner, dseq, gseq: 1, oseq: 1 });
  }
  const open = await until(async () => {
    const filters = { owner, dseq, state: "open" };
    const found = await bids.Bids(market.QueryBidsRequest.fromPartial({ filters }));
    return found.bids.length > 0 && found.bids;
  });
  const bidId = open[0].bid.bidId;
  const taken = await send(Message.MsgCreateLease, market.MsgCreateLease.fromPartial({ bidId }));
  assert.equal(told(taken, "provider"), bidId.provider);
  const filters = { owner, dseq, state: "active" };
  const found = await bids.Leases(market.QueryLeasesRequest.fromPartial({ filters }));
  assert.deepEqual(found.leases.map((one) => market.LeaseID.toJSON(one.lease.leaseId)), [market.BidID.toJSON(bidId)]);
  assert.equal(found.leases[0].escrowPayment.owner, bidId.provider);
  done("lease", { bids: open.length });

  const seller = (await new provider.QueryClientImpl(rpc).Provider({ owner: bidId.provider })).provider;
  if (process.env.PROXY) {
    const host = new URL(seller.hostUri);
    // How the package's own examples send a manifest: HTTPS with the client's certificate.
    const ask = (method, path, body) => new Promise((resolve, reject) => {
      const request = https.request({
        method,
        host: host.hostname,
        port: host.port,
        servername: `mtls.${host.hostname}`,
        path,
        cert: pem.cert,
        key: pem.privateKey,
        rejectUnauthorized: false,
        headers: { "Content-Type": "application/json", Accept: "application/json" },
      }, (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("end", () => resolve({ status: response.statusCode, text: Buffer.concat(parts).toString() }));
      });
      request.on("error", reject);
      request.end(body);
    });
    await until(async () => {
      const sent = await ask("PUT", `/deployment/${dseq}/manifest`, sdl.manifestSortedJSON());
      assert(sent.status === 200 || sent.text.includes("no lease for deployment"), `${sent.status} ${sent.text}`);
      return sent.status === 200;
    });
    done("manifest");
    const uris = await until(async () => {
      const answer = await ask("GET", `/lease/${dseq}/${bidId.gseq}/${bidId.oseq}/status`);
      if (answer.status !== 200) return undefined;
      const web = JSON.parse(answer.text).services.web;
      return web.available === 1 && web.uris;
    });
    const page = await new Promise((resolve, reject) => {
      http.get(process.env.PROXY, { headers: { Host: uris[0].replace(/^https?:\/\//, "") } }, (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode));
      }).on("error", reject);
    });
    assert.equal(page, 200);
    done("status", { page });
  }

  await send(Message.MsgCloseDeployment, deployment.MsgCloseDeployment.fromPartial({ id }));
  const closed = await deployments.Deployment(one);
  assert.equal(closed.deployment.state, DEPLOYMENT.closed);
  assert.equal(closed.escrowAccount.state, escrow.Account_State.closed);
  const left = await (await StargateClient.connect(process.env.RPC)).getBalance(owner, "uakt");
  assert(BigInt(left.amount) > 0n);
  done("closed");
  console.log("dseq", dseq);
  console.log("all done");
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
