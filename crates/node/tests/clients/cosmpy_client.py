"""cosmpy over gRPC and over REST: balances, account, node, simulation, a transfer and its inclusion."""

import os

from cosmpy.aerial.client import LedgerClient, NetworkConfig
from cosmpy.aerial.exceptions import NotFoundError
from cosmpy.aerial.wallet import LocalWallet
from cosmpy.crypto.address import Address

CHAIN_ID = os.environ["CHAIN_ID"]
RECIPIENT = Address(os.environ["RECIPIENT"])
wallet = LocalWallet.from_mnemonic(os.environ["MNEMONIC"], prefix="tetra")
assert str(wallet.address()) == os.environ["SENDER"], wallet.address()

received = 0
for number, url in enumerate([f"grpc+{os.environ['GRPC']}", f"rest+{os.environ['REST']}"]):
    client = LedgerClient(
        NetworkConfig(
            chain_id=CHAIN_ID,
            url=url,
            fee_minimum_gas_price=0.025,
            fee_denomination="utet",
            staking_denomination="utet",
        ),
        query_interval_secs=1,
    )
    assert client.query_chain_id() == CHAIN_ID
    assert client.query_height() >= 2
    assert client.query_block(1).height == 1
    assert client.query_consensus_params().params.block.max_gas == 100_000_000
    info = client.query_node_info()
    assert info.app_name == "tetra", info

    account = client.query_account(wallet.address())
    assert account.number == 0 or account.number == 1, account
    assert account.sequence == number, account
    coins = {coin.denom: int(coin.amount) for coin in client.query_bank_all_balances(wallet.address())}
    assert coins["uusd"] == 5000 and coins["utet"] <= 1_000_000_000, coins
    assert client.query_bank_balance(RECIPIENT, "utet") == received
    try:
        client.query_tx("00" * 32)
        raise AssertionError("a transaction that nobody sent was found")
    except NotFoundError:
        pass

    sent = client.send_tokens(RECIPIENT, 4321, "utet", wallet, memo=f"over {url.split('+')[0]}")
    sent.wait_to_complete()
    response = sent.response
    assert response.is_successful() and response.height > 0, response
    assert 0 < response.gas_used <= response.gas_wanted, response
    assert "transfer" in response.events, response.events
    received += 4321
    assert client.query_bank_balance(RECIPIENT, "utet") == received
    assert client.query_tx(sent.tx_hash).hash == sent.tx_hash

    try:
        client.send_tokens(RECIPIENT, 5_000_000_000, "utet", wallet)
        raise AssertionError("more than there is was sent")
    except Exception as error:  # what cosmpy raises depends on the transport
        assert "insufficient funds" in str(error), error
    print(url.split("+")[0], "all done")
