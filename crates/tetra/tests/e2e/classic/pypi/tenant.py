"""A tenant, and where it is asked for a provider, of PyPI `akash` 0.6.0, from the certificate to the end of the deployment.

Environment: RPC, CHAIN_ID, WORDS (whose first account is the tenant), SDL (file), PROXY where there is a provider that runs
containers, SELLER (other words, whose first account has nothing) where one is to be played. Each step prints a line; the last
one is `all done`.
"""

import json
import os
import time

from akash import AkashClient, AkashWallet

LIMIT = 120
client = AkashClient(os.environ["RPC"], os.environ["CHAIN_ID"])
tenant = AkashWallet.from_mnemonic(os.environ["WORDS"])
with open(os.environ["SDL"], encoding="utf-8") as file:
    sdl = file.read()


def done(step, **facts):
    print(step, json.dumps(facts, sort_keys=True), flush=True)


def succeeded(result):
    assert result.success and result.code == 0, (result.code, result.raw_log)
    return result


def until(ask):
    """What `ask` gives as soon as it gives something."""
    deadline = time.monotonic() + LIMIT
    while True:
        found = ask()
        if found or time.monotonic() > deadline:
            assert found, "the time is over"
            return found
        time.sleep(0.2)


def money():
    return {denom: int(amount) for denom, amount in client.get_all_balances(tenant.address).items()}


def certificate():
    made = client.cert.create_certificate_for_mtls(tenant)
    assert made["status"] == "success", made
    serial = made["cert_data"]["serial"]
    found = client.cert.get_certificate(tenant.address, serial)
    assert found["serial"] == serial and found["certificate"]["state"] == "valid", found
    listed = client.cert.get_certificates(owner=tenant.address, state="valid", count_total=True)
    assert serial in [one["serial"] for one in listed["certificates"]], listed
    assert listed["pagination"]["total"] == len(listed["certificates"]), listed
    done("certificate")
    return made["cert_data"]["cert"], made["cert_data"]["key"]


def deploy():
    result = succeeded(client.deployment.create_deployment(tenant, sdl))
    # Both are read from the log.
    assert result.get_dseq() == result.dseq, result.raw_log
    order = result.get_order_info()
    assert order == {"owner": tenant.address, "dseq": result.dseq, "gseq": 1, "oseq": 1}, order
    found = client.deployment.get_deployment(tenant.address, result.dseq)
    assert found["deployment"]["state"] == 1 and found["groups"][0]["state"] == 1, found
    assert found["escrow_account"]["balance"] == "5000000", found
    listed = client.deployment.get_deployments(owner=tenant.address)
    assert result.dseq in [one["deployment"]["deployment_id"]["dseq"] for one in listed], listed
    orders = client.market.get_orders(owner=tenant.address, dseq=result.dseq, state="open")
    assert len(orders) == 1 and orders[0]["state"] == 1, orders
    done("deployment", groups=len(found["groups"]))
    return result.dseq


def sell(dseq):
    """A provider that registers and bids."""
    seller = AkashWallet.from_mnemonic(os.environ["SELLER"])
    succeeded(client.bank.send(tenant, seller.address, "5000000"))
    assert client.get_balance(seller.address) == "5000000"
    attributes = [{"key": "region", "value": "test"}]
    result = succeeded(client.provider.create_provider(seller, "https://127.0.0.1:8443", attributes=attributes))
    assert result.get_provider_address() == seller.address, result.raw_log
    price = str(3 * 10**18)
    result = succeeded(client.market.create_bid(seller, tenant.address, dseq, price=price, deposit="500000"))
    wanted = {"provider": seller.address, "dseq": dseq, "gseq": 1, "oseq": 1}
    assert result.get_bid_info() == wanted, result.raw_log
    done("bid made")


def take(dseq):
    bids = until(lambda: client.market.get_bids(owner=tenant.address, dseq=dseq, state="open"))
    bid = min(bids, key=lambda bid: int(bid["price"]["amount"]))
    name = bid["bid_id"]
    assert bid["price"]["denom"] == "uakt" and int(bid["escrow_account"]["balance"]) > 0, bid
    result = client.market.create_lease(tenant, tenant.address, dseq, name["gseq"], name["oseq"], name["provider"])
    succeeded(result)
    leases = client.market.get_leases(owner=tenant.address, dseq=dseq, state="active")
    assert len(leases) == 1 and leases[0]["lease_id"] == name, leases
    assert leases[0]["price"]["amount"] == bid["price"]["amount"], leases
    left = client.escrow.get_blocks_remaining(tenant.address, dseq)
    assert left["settled_at"] > 0 and left["escrow_balance_uakt"] != "0", left
    done("lease", bids=len(bids))
    return name


def serve(name, cert, key):
    """The provider runs what the file says."""
    uri = client.provider.get_provider(name["provider"])["host_uri"]
    sent = until(lambda: sent_manifest(uri, name, cert, key))
    assert sent["method"] == "HTTP (socket-based)", sent
    manifest = until(lambda: manifest_of(uri, name, cert, key))
    done("manifest", services=[service["name"] for group in manifest for service in group["services"]])
    status = client.provider.get_provider_status(name["provider"])
    assert status["cluster"]["leases"] == 1, status
    done("status")


def sent_manifest(uri, name, cert, key):
    sent = client.manifest.submit_manifest(uri, name, sdl, cert, key)
    # The provider may not have heard of the lease yet.
    waiting = "no lease for deployment" in sent.get("error", "")
    assert waiting or sent["status"] == "success", sent
    return None if waiting else sent


def manifest_of(uri, name, cert, key):
    found = client.manifest.get_deployment_manifest(uri, name, cert, key)
    return found["manifest"] if found["status"] == "success" else None


def close(dseq):
    succeeded(client.deployment.deposit_deployment(tenant, tenant.address, dseq, "250000"))
    succeeded(client.deployment.close_deployment(tenant, tenant.address, dseq))
    found = client.deployment.get_deployment(tenant.address, dseq)
    assert found["deployment"]["state"] == 2 and found["escrow_account"]["balance"] == "0", found
    leases = client.market.get_leases(owner=tenant.address, dseq=dseq)
    assert [lease["state"] for lease in leases] == ["closed"], leases
    done("closed")


assert client.health_check()
assert client.get_network_status()["network"] == os.environ["CHAIN_ID"]
before = money()
done("connected", denoms=sorted(before))
credentials = certificate()
dseq = deploy()
if "SELLER" in os.environ:
    sell(dseq)
name = take(dseq)
if "PROXY" in os.environ:
    serve(name, *credentials)
close(dseq)
print("dseq", dseq)
print("all done")
