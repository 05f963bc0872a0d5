"""Prints what the Python package `akash` 0.6.0 sends: whole signed transactions and queries, as JSON.

Nothing is connected: the answers that the package needs are made up here. SDL names the deployment file.
"""

import base64
import json
import os
import sys
import time

from akash import AkashClient, AkashWallet
from akash.proto.cosmos.auth.v1beta1.auth_pb2 import BaseAccount
from akash.proto.cosmos.auth.v1beta1.query_pb2 import QueryAccountResponse

WORDS = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"
SELLER = "legal winner thank year wave sausage worth useful legal winner thank yellow"
SERIAL = "1234567890123456789"

transactions = []
queries = []
# The package takes it for the number of a deployment.
time.time = lambda: 1767225600.0

client = AkashClient("http://127.0.0.1:1", "akash-classic-local")
tenant = AkashWallet.from_mnemonic(WORDS)
seller = AkashWallet.from_mnemonic(SELLER)


def account():
    answer = QueryAccountResponse()
    answer.account.Pack(BaseAccount(address=tenant.address, account_number=3, sequence=5), type_url_prefix="/")
    return answer.SerializeToString()


def rpc(method, params=None):
    if method == "abci_query":
        path, data = params[0], params[1].lower()
        if path.startswith("/akash."):
            queries.append({"path": path, "data": data})
        found = account() if path == "/cosmos.auth.v1beta1.Query/Account" else b""
        return {"response": {"code": 0, "value": base64.b64encode(found).decode()}}
    assert method == "broadcast_tx_sync", method
    transactions.append({"call": call, "tx": base64.b64decode(params[0]).hex()})
    return {"hash": "AA", "code": 1, "log": "not sent"}


client.rpc_query = rpc
with open(os.environ["SDL"], encoding="utf-8") as file:
    sdl = file.read()
fixed = {"gas_limit": 300000}
lease = {"owner": tenant.address, "dseq": 1767225600}
group = {**lease, "gseq": 2}
pem = [b"-----BEGIN CERTIFICATE-----\r\n...", b"-----BEGIN EC PUBLIC KEY-----\r\n..."]
calls = {
    "cert.publish_client_certificate": lambda: client.cert.publish_client_certificate(tenant, *pem, **fixed),
    "cert.revoke_client_certificate": lambda: client.cert.revoke_client_certificate(tenant, SERIAL, **fixed),
    "deployment.create_deployment": lambda: client.deployment.create_deployment(tenant, sdl, **fixed),
    "deployment.update_deployment": lambda: client.deployment.update_deployment(tenant, sdl, **lease, **fixed),
    "deployment.deposit_deployment": lambda: client.deployment.deposit_deployment(tenant, **lease, amount="7", **fixed),
    "deployment.close_group": lambda: client.deployment.close_group(tenant, **group, **fixed),
    "deployment.pause_group": lambda: client.deployment.pause_group(tenant, **group, **fixed),
    "deployment.start_group": lambda: client.deployment.start_group(tenant, **group, **fixed),
    "deployment.close_deployment": lambda: client.deployment.close_deployment(tenant, **lease, **fixed),
    "market.create_bid": lambda: client.market.create_bid(seller, **lease, price="1500000000000000000", **fixed),
    "market.close_bid": lambda: client.market.close_bid(seller, **lease, **fixed),
    "market.create_lease": lambda: client.market.create_lease(tenant, **lease, provider=seller.address, **fixed),
    "market.withdraw_lease": lambda: client.market.withdraw_lease(seller, **lease, provider=seller.address, **fixed),
    "market.close_lease": lambda: client.market.close_lease(tenant, **lease, provider=seller.address, **fixed),
    "provider.create_provider": lambda: client.provider.create_provider(
        seller, "https://provider.example:8443", "a@b.example", "https://b.example", [{"key": "region", "value": "eu"}],
        **fixed),
    "provider.update_provider": lambda: client.provider.update_provider(
        seller, "https://provider.example:8443", attributes=[{"key": "region", "value": "us"}], **fixed),
    "audit.create_provider_attributes": lambda: client.audit.create_provider_attributes(
        tenant, seller.address, [{"key": "region", "value": "eu"}], **fixed),
    "audit.delete_provider_attributes": lambda: client.audit.delete_provider_attributes(
        tenant, seller.address, ["region"], **fixed),
}
for call, run in calls.items():
    run()
assert [one["call"] for one in transactions] == list(calls), [one["call"] for one in transactions]

page = {"limit": 5, "offset": 1, "count_total": True}
ask = [
    lambda: client.cert.get_certificates(owner=tenant.address, serial=SERIAL, state="valid"),
    lambda: client.deployment.get_deployments(owner=tenant.address, **page),
    lambda: client.deployment.get_deployment(**lease),
    lambda: client.market.get_orders(**group, oseq=3, state="open", **page),
    lambda: client.market.get_bids(provider=seller.address, **group, oseq=3, state="open", **page),
    lambda: client.market.get_leases(provider=seller.address, **group, oseq=3, state="active", **page),
    lambda: client.provider.get_providers(limit=5, offset=1),
    lambda: client.provider.get_provider(seller.address),
    lambda: client.audit.get_provider_attributes(seller.address),
    lambda: client.audit.get_provider_auditor_attributes(tenant.address, seller.address),
    lambda: client.audit.get_auditor_attributes(tenant.address),
]
for run in ask:
    run()
json.dump({"transactions": transactions, "queries": queries}, sys.stdout, indent=1)
print()
