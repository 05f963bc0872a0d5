// Akash's chain-sdk: queries over gRPC and over REST, a transfer, a deployment. Any difference from what is expected
// throws, which ends the program with an error.
import assert from "node:assert/strict";
import { createChainNodeSDK, createStargateClient } from "@akashnetwork/chain-sdk";
import { createChainNodeWebSDK } from "@akashnetwork/chain-sdk/web";
import { DirectSecp256k1HdWallet } from "@cosmjs/proto-signing";

const { RPC, GRPC, REST, MNEMONIC, SENDER, RECIPIENT } = process.env;
const signer = createStargateClient({
  baseUrl: RPC,
  signer: await DirectSecp256k1HdWallet.fromMnemonic(MNEMONIC, { prefix: "tetra" }),
  defaultGasPrice: "0.025utet",
  stargateOptions: { broadcastPollIntervalMs: 100 },
});
const node = createChainNodeSDK({ query: { baseUrl: GRPC }, tx: { signer } });
const web = createChainNodeWebSDK({ query: { baseUrl: REST }, tx: { signer } });
assert.equal((await signer.getAccount()).address, SENDER);

const both = [["gRPC", node], ["REST", web]];
for (const [name, sdk] of both) {
  const { balance } = await sdk.cosmos.bank.v1beta1.getBalance({ address: SENDER, denom: "utet" });
  assert.deepEqual([balance.denom, balance.amount], ["utet", "1000000000"]);
  const { balances, pagination } = await sdk.cosmos.bank.v1beta1.getAllBalances({
    address: SENDER, pagination: { limit: 1, countTotal: true },
  });
  assert.equal(balances.length, 1);
  assert.equal(String(pagination.total), "2");
  const rest = await sdk.cosmos.bank.v1beta1.getAllBalances({ address: SENDER, pagination: { key: pagination.nextKey } });
  assert.deepEqual([...balances, ...rest.balances].map((coin) => coin.denom), ["utet", "uusd"]);
  const owners = await sdk.cosmos.bank.v1beta1.getDenomOwnersByQuery({ denom: "utet", pagination: { countTotal: true } });
  assert.equal(owners.denomOwners.length, Number(owners.pagination.total));
  assert.equal(owners.denomOwners.find((owner) => owner.address === SENDER).balance.amount, "1000000000");
  if (sdk === node) {
    // Over REST the client itself takes `{denom=**}` for the name of a field, and sends nothing.
    const first = await sdk.cosmos.bank.v1beta1.getDenomOwners({ denom: "utet", pagination: { limit: 1 } });
    assert.deepEqual(first.denomOwners, owners.denomOwners.slice(0, 1));
  }
  const { params } = await sdk.akash.deployment.v1beta4.getParams({});
  assert.ok(params.minDeposits.some((coin) => coin.denom === "utet" && coin.amount === "500000"));
  const { deployments } = await sdk.akash.deployment.v1beta4.getDeployments({
    filters: { owner: SENDER }, pagination: { limit: 5, countTotal: true },
  });
  assert.deepEqual(deployments, []);
  await assert.rejects(
    sdk.akash.provider.v1beta4.getProvider({ owner: SENDER }),
    (error) => error.code === 5 && /not found/.test(error.message),
  );
  await assert.rejects(
    sdk.cosmos.staking.v1beta1.getParams({}),
    (error) => error.code === 12 && /no staking/.test(error.message),
  );
  console.log(`${name} answers queries`);
}

const utf8 = (text) => new TextEncoder().encode(text);
const sent = await node.cosmos.bank.v1beta1.send({
  fromAddress: SENDER, toAddress: RECIPIENT, amount: [{ denom: "utet", amount: "1234" }],
});
assert.deepEqual(sent, {});
for (const [, sdk] of both) {
  const { balance } = await sdk.cosmos.bank.v1beta1.getBalance({ address: RECIPIENT, denom: "utet" });
  assert.equal(balance.amount, "1234");
}
console.log("a transfer lands");

const deployment = {
  id: { owner: SENDER, dseq: 7 },
  groups: [{
    name: "westcoast",
    requirements: { signedBy: { allOf: [], anyOf: [] }, attributes: [] },
    resources: [{
      resource: {
        id: 1,
        cpu: { units: { val: utf8("500") }, attributes: [] },
        memory: { quantity: { val: utf8("134217728") }, attributes: [] },
        storage: [{ name: "default", quantity: { val: utf8("134217728") }, attributes: [] }],
        gpu: { units: { val: utf8("0") }, attributes: [] },
        endpoints: [{ kind: 0, sequenceNumber: 0 }],
      },
      count: 1,
      price: { denom: "utet", amount: "1.5" },
    }],
  }],
  hash: new Uint8Array(32).fill(7),
  deposit: { amount: { denom: "utet", amount: "5000000" }, sources: [1] },
};
assert.deepEqual(await node.akash.deployment.v1beta4.createDeployment(deployment), {});
for (const [name, sdk] of both) {
  const found = await sdk.akash.deployment.v1beta4.getDeployment({ id: { owner: SENDER, dseq: 7 } });
  assert.equal(String(found.deployment.id.dseq), "7");
  assert.equal(found.deployment.state, 1);
  assert.deepEqual(Buffer.from(found.deployment.hash), Buffer.alloc(32, 7));
  const [unit] = found.groups[0].groupSpec.resources;
  assert.equal(Number(unit.price.amount), 1.5);
  assert.equal(Buffer.from(unit.resource.cpu.units.val).toString(), "500");
  assert.equal(Number(found.escrowAccount.state.funds[0].amount), 5000000);
  const { orders } = await sdk.akash.market.v1beta5.getOrders({ filters: { owner: SENDER, state: "open" } });
  assert.equal(orders.length, 1);
  const { bids } = await sdk.akash.market.v1beta5.getBids({ filters: { owner: SENDER, dseq: 7 } });
  assert.deepEqual(bids, []);
  console.log(`the deployment is seen over ${name}`);
}
assert.deepEqual(await web.akash.deployment.v1beta4.closeDeployment({ id: { owner: SENDER, dseq: 7 } }), {});
const { deployment: closed } = await web.akash.deployment.v1beta4.getDeployment({ id: { owner: SENDER, dseq: 7 } });
assert.equal(closed.state, 2);
console.log("all done");
process.exit(0);
