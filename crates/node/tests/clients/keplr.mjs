// What Keplr does when a site suggests this chain: it checks the document, then tries RPC, websocket and REST, and
// finds out which features the chain has. Any difference from what is expected throws.
import assert from "node:assert/strict";
import validator from "@keplr-wallet/chain-validator";
import WebSocket from "ws";

const info = JSON.parse(process.env.CHAIN_INFO);
const checked = await validator.validateBasicChainInfoType(info, false);
assert.equal(checked.chainId, info.chainId);
assert.deepEqual(checked.feeCurrencies, [{
  coinDenom: "TET",
  coinMinimalDenom: "utet",
  coinDecimals: 6,
  gasPriceStep: { low: 0.025, average: 0.025, high: 0.05 },
}]);
assert.equal(checked.stakeCurrency.coinMinimalDenom, "utet");
assert.equal(checked.bech32Config.bech32PrefixAccAddr, "tetra");
console.log("the document is valid");

await validator.checkRPCConnectivity(info.chainId, info.rpc, (url) => new WebSocket(url));
await validator.checkRestConnectivity(info.chainId, info.rest);
console.log("RPC, websocket and REST are reached");

// Nothing is missing from the document, and nothing that this chain lacks is taken for there.
assert.deepEqual(await validator.checkChainFeatures(info), []);
const bare = { ...info, features: [] };
assert.deepEqual(await validator.checkChainFeatures(bare), ["query:/cosmos/bank/v1beta1/spendable_balances"]);
assert.equal(await validator.hasFeature(bare, "ibc-go"), false);
console.log("all done");
process.exit(0);
