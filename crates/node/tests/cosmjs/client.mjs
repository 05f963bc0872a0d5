// What a wallet does with a node. Any difference from what is expected throws, which ends the program with an error.
import assert from "node:assert/strict";
import { Secp256k1HdWallet } from "@cosmjs/amino";
import { toHex } from "@cosmjs/encoding";
import { DirectSecp256k1HdWallet } from "@cosmjs/proto-signing";
import { GasPrice, SigningStargateClient, StargateClient, calculateFee } from "@cosmjs/stargate";
import { firstEvent } from "@cosmjs/stream";
import { Comet38Client, HttpClient, WebsocketClient, connectComet } from "@cosmjs/tendermint-rpc";

const { RPC, MNEMONIC, CHAIN_ID, SENDER, RECIPIENT } = process.env;
const utet = (amount) => ({ denom: "utet", amount: `${amount}` });
const gasPrice = GasPrice.fromString("0.025utet");

// The version in `status` makes CosmJS choose the dialect of CometBFT 0.38.
const comet = await connectComet(RPC);
assert.ok(comet instanceof Comet38Client, "Comet38 is detected");
assert.equal((await comet.status()).nodeInfo.network, CHAIN_ID);
assert.ok((await comet.abciInfo()).lastBlockHeight >= 2);
assert.equal(await comet.health(), null);
const genesis = await comet.genesis();
assert.equal(genesis.chainId, CHAIN_ID);
assert.equal(genesis.validators.length, 1);
assert.equal(genesis.appHash.length, 0);
assert.equal(genesis.appState.state.bank.balances.length, 2);
const { block } = await comet.block(2);
assert.equal(block.header.height, 2);
assert.equal((await comet.block(1)).block.lastCommit, null);
assert.equal((await comet.commit(1)).header.height, 1);
assert.equal((await comet.validatorsAll(1)).total, 1);
assert.equal((await comet.blockResults(1)).height, 1);
assert.equal((await comet.blockchain(1, 2)).blockMetas.length, 2);
assert.equal((await comet.blockSearchAll({ query: "block.height<=2" })).totalCount, 2);

const wallet = await DirectSecp256k1HdWallet.fromMnemonic(MNEMONIC, { prefix: "tetra" });
const [{ address }] = await wallet.getAccounts();
assert.equal(address, SENDER);
const options = { gasPrice, broadcastPollIntervalMs: 100 };
const client = await SigningStargateClient.connectWithSigner(RPC, wallet, options);
assert.equal(await client.getChainId(), CHAIN_ID);
assert.ok((await client.getHeight()) >= 2);
assert.deepEqual(await client.getBalance(address, "utet"), utet(1000000000));
assert.equal((await client.getAllBalances(address)).length, 2);
assert.equal((await client.getAccount(address)).address, address);
assert.equal(await client.getAccount(RECIPIENT), null);
assert.deepEqual(await client.getBalance(RECIPIENT, "utet"), utet(0));
assert.equal((await client.getBlock(1)).header.chainId, CHAIN_ID);
console.log("reads");

// The websocket is open before anything is sent, so that it must see what is sent.
const socketUrl = RPC.replace("http", "ws");
const listener = await Comet38Client.create(new WebsocketClient(socketUrl));
const nextBlock = firstEvent(listener.subscribeNewBlock());
const nextHeader = firstEvent(listener.subscribeNewBlockHeader());
const nextTx = firstEvent(listener.subscribeTx(`transfer.recipient='${RECIPIENT}'`));
assert.equal((await nextBlock).header.chainId, CHAIN_ID);
assert.equal((await nextHeader).chainId, CHAIN_ID);
console.log("listens to blocks");

const message = (amount, from = address) => ({
  typeUrl: "/cosmos.bank.v1beta1.MsgSend",
  value: { fromAddress: from, toAddress: RECIPIENT, amount: [utet(amount)] },
});
const gas = await client.simulate(address, [message(1000)], "hello");
assert.ok(gas > 0);
const sent = await client.signAndBroadcast(address, [message(1000)], "auto", "hello");
assert.equal(sent.code, 0, sent.rawLog);
assert.equal(sent.msgResponses[0].typeUrl, "/cosmos.bank.v1beta1.MsgSendResponse");
assert.ok(sent.gasUsed > 0n && sent.gasUsed <= sent.gasWanted);
assert.ok(Number(sent.gasUsed) >= 0.85 * gas, `simulated ${gas}, used ${sent.gasUsed}`);
assert.deepEqual(await client.getBalance(RECIPIENT, "utet"), utet(1000));

const found = await client.getTx(sent.transactionHash);
assert.equal(found.height, sent.height);
assert.equal(found.code, 0);
assert.ok(found.events.some((event) => event.type === "transfer"));
const bySender = await client.searchTx(`message.sender='${address}'`);
assert.deepEqual(bySender.map((tx) => tx.hash), [sent.transactionHash]);
const byHeight = await client.searchTx([{ key: "tx.height", value: sent.height }]);
assert.equal(byHeight.length, 1);
assert.equal(await client.getTx("00".repeat(32)), null);
const proved = await comet.tx({ hash: Buffer.from(sent.transactionHash, "hex"), prove: true });
assert.equal(proved.proof.proof.total, 1);
assert.equal(toHex(proved.proof.rootHash), toHex((await comet.block(sent.height)).block.header.dataHash));
const heard = await nextTx;
assert.equal(toHex(heard.hash).toUpperCase(), sent.transactionHash);
assert.equal(heard.result.code, 0);
console.log("sends, finds, and hears of it");

// More than there is: admitted, since the fee can be paid, and failed in its block.
const fee = calculateFee(200000, gasPrice);
const failed = await client.signAndBroadcast(address, [message(5000000000)], fee);
assert.notEqual(failed.code, 0);
assert.match(failed.rawLog, /insufficient funds/);
assert.equal((await client.getTx(failed.transactionHash)).code, failed.code);
await assert.rejects(client.simulate(address, [message(5000000000)], ""), /insufficient funds/);
// Refused before any block: nothing pays for the gas.
await assert.rejects(
  client.signAndBroadcast(address, [message(1)], { amount: [], gas: "200000" }),
  (error) => error.code === 13 && /insufficient fee/.test(error.log),
);
console.log("fails with code and log");

const { TxRaw } = await import("cosmjs-types/cosmos/tx/v1beta1/tx");
const raw = TxRaw.encode(await client.sign(address, [message(5)], fee, "raw")).finish();
const accepted = await comet.broadcastTxSync({ tx: raw });
assert.equal(accepted.code, 0, accepted.log);
await assert.rejects(comet.broadcastTxSync({ tx: raw }), /already exists in cache/);
const twice = TxRaw.encode(await client.sign(address, [message(6)], fee, "", {
  accountNumber: 0, sequence: 0, chainId: CHAIN_ID,
})).finish();
assert.notEqual((await comet.broadcastTxSync({ tx: twice })).code, 0);
const hash = toHex(accepted.hash).toUpperCase();
for (let found = null; found === null; found = await client.getTx(hash)) {
  await firstEvent(listener.subscribeNewBlock());
}
const committed = await comet.broadcastTxCommit({
  tx: TxRaw.encode(await client.sign(address, [message(7)], fee, "")).finish(),
});
assert.equal(committed.txResult.code, 0);
assert.deepEqual(await client.getBalance(RECIPIENT, "utet"), utet(1012));

// A wallet that signs JSON, as those in hardware do.
const ledger = await Secp256k1HdWallet.fromMnemonic(MNEMONIC, { prefix: "tetra" });
assert.equal(ledger.signDirect, undefined);
const byJson = await SigningStargateClient.connectWithSigner(RPC, ledger, options);
const shown = await byJson.signAndBroadcast(address, [message(2), message(1)], "auto", "a<b & \"c\" é");
assert.equal(shown.code, 0, shown.rawLog);
assert.deepEqual(await client.getBalance(RECIPIENT, "utet"), utet(1015));
const { AuthInfo } = await import("cosmjs-types/cosmos/tx/v1beta1/tx");
const kept = TxRaw.decode((await byJson.getTx(shown.transactionHash)).tx);
assert.equal(AuthInfo.decode(kept.authInfoBytes).signerInfos[0].modeInfo.single.mode, 127);
byJson.disconnect();
console.log("signs as JSON");

// The same client over one websocket, and in batches over HTTP.
const overSocket = await StargateClient.create(listener);
assert.equal(await overSocket.getChainId(), CHAIN_ID);
const batching = await Comet38Client.create(new HttpClient(RPC));
const heights = await Promise.all([1, 2].map(async (height) => (await batching.block(height)).block.header.height));
assert.deepEqual(heights, [1, 2]);
listener.disconnect();
client.disconnect();
console.log("all done");
process.exit(0);
