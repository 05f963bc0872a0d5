//! Proofs of this machine's devices, and verdicts on those of others.

use std::sync::Arc;

use proto::ToAny;
use proto::tetra::cluster::v1 as wire;
use proto::tetra::cluster::v1::VerdictKind;
use proving::{Product, Puzzle};

use super::supplier::Supplier;
use super::trouble::{Trouble, reason};
use crate::agent::lock;

/// What was committed to in a round.
pub(super) struct Committed {
    pub(super) round: u64,
    pub(super) bytes: Vec<u8>,
}

fn puzzle(class: &wire::Class) -> Puzzle {
    Puzzle { rows: class.rows as usize, depth: class.depth as usize }
}

fn class<'a>(params: &'a wire::Params, name: &str) -> Result<&'a wire::Class, Trouble> {
    let found = params.classes.iter().find(|class| class.name == name);
    found.ok_or_else(|| Trouble::Odd(format!("the chain has no class {name:?}")))
}

/// The products of all devices of an offer, each on a thread of its own.
fn compute(puzzle: Puzzle, beacon: &[u8], host_key: &[u8; 32], devices: u32) -> Vec<Product> {
    std::thread::scope(|scope| {
        let one = |device| {
            let seed = proving::seed(beacon, host_key, device);
            scope.spawn(move || proving::prove(puzzle, &seed))
        };
        let threads: Vec<_> = (0..devices).map(one).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    })
}

/// Bytes of a product.
fn size(puzzle: Puzzle) -> usize {
    puzzle.rows * puzzle.rows * 2
}

/// What is wrong with the products of an offer; none when nothing is.
fn fault(
    puzzle: Puzzle,
    round: &wire::Round,
    host_key: &[u8; 32],
    (devices, digest): (u32, &[u8]),
    bytes: &[u8],
) -> Option<String> {
    let size = size(puzzle);
    if size == 0 || bytes.len() != size * devices as usize {
        return Some(format!("{} bytes are no products of {devices} devices", bytes.len()));
    }
    let products: Option<Vec<Product>> = bytes.chunks(size).map(|bytes| Product::from_bytes(puzzle, bytes)).collect();
    let Some(products) = products else { return Some("its products have numbers that are none".to_owned()) };
    if proving::digest(&products) != digest {
        return Some("its products are not those that it committed to".to_owned());
    }
    let wrong = products.iter().zip(0..).find(|(product, device)| {
        let seed = proving::seed(&round.seed, host_key, *device);
        !proving::check(puzzle, &seed, product, &round.draw)
    });
    wrong.map(|(_, device)| format!("the product of device {device} is not that of its seed"))
}

impl Supplier {
    /// Takes part in the round that is open: computes, keeps the products, and commits to them.
    pub(super) async fn prove(&self, offer: &wire::Offer, round: &wire::Round) -> Result<(), Trouble> {
        let params = self.params().await?;
        let terms = offer.terms.clone().unwrap_or_default();
        let puzzle = puzzle(class(&params, &terms.class)?);
        let (beacon, host_key, devices) = (round.seed.clone(), self.host_key, terms.devices);
        let computed = tokio::task::spawn_blocking(move || compute(puzzle, &beacon, &host_key, devices)).await;
        let products = computed.map_err(|error| Trouble::Odd(error.to_string()))?;
        let digest = proving::digest(&products).to_vec();
        let bytes = products.iter().flat_map(Product::to_bytes).collect();
        *lock(&self.committed) = Some(Arc::new(Committed { round: round.number, bytes }));
        let id = self.id();
        let (owner, host_key) = (id.owner, id.host_key);
        let msg = wire::MsgCommitProof { owner, host_key, round: round.number, digest };
        self.chain.send(vec![msg.to_any()]).await?;
        tracing::info!(round = round.number, "committed to a proof of devices");
        Ok(())
    }

    /// Verifies proofs that this offer is drawn for, and says what was found.
    pub(super) async fn verify(&self, round: &wire::Round, proofs: Vec<wire::Proof>) -> Result<(), Trouble> {
        for proof in proofs {
            let (kind, why) = match self.verdict(round, &proof).await {
                Ok(None) => (VerdictKind::Right, String::new()),
                Ok(Some(fault)) => (VerdictKind::Wrong, fault),
                Err(trouble) => (VerdictKind::Silent, trouble.to_string()),
            };
            let id = self.id();
            let (owner, host_key) = (id.owner, id.host_key);
            let of = proof.offer.as_ref().map(|offer| offer.owner.clone()).unwrap_or_default();
            let msg = wire::MsgVerifyProof {
                owner,
                host_key,
                round: round.number,
                offer: proof.offer,
                kind: kind.into(),
                reason: reason(&why),
            };
            self.chain.send(vec![msg.to_any()]).await?;
            tracing::info!(
                round = round.number,
                provider = of,
                found = kind.as_str_name(),
                "verified a proof of devices"
            );
        }
        Ok(())
    }

    async fn verdict(&self, round: &wire::Round, proof: &wire::Proof) -> Result<Option<String>, Trouble> {
        let id = proof.offer.clone().unwrap_or_default();
        let found = self.chain.cluster_offer(&id).await?.and_then(|found| found.offer);
        let offer = found.ok_or_else(|| Trouble::Odd("the offer is gone".to_owned()))?;
        let terms = offer.terms.unwrap_or_default();
        let puzzle = puzzle(class(&self.params().await?, &terms.class)?);
        let own = lock(&self.committed).clone().filter(|own| id == self.id() && own.round == round.number);
        let bytes = match own {
            Some(own) => own.bytes.clone(),
            None => {
                let most = size(puzzle) * terms.devices as usize;
                let gateway = self.gateway(&id.owner).await?;
                let fetched = gateway.cluster_products(&id.host_key, round.number, most).await;
                fetched.map_err(|error| Trouble::Fetch(error.to_string()))?
            }
        };
        let host_key: [u8; 32] =
            id.host_key.as_slice().try_into().map_err(|_| Trouble::Odd("a host key has 32 bytes".to_owned()))?;
        let (round, digest) = (round.clone(), proof.digest.clone());
        let checked =
            tokio::task::spawn_blocking(move || fault(puzzle, &round, &host_key, (terms.devices, &digest), &bytes));
        checked.await.map_err(|error| Trouble::Odd(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_finds_replayed_relayed_cut_and_cloned_products() {
        let puzzle = Puzzle { rows: 16, depth: 32 };
        let round = wire::Round { seed: vec![1; 32], draw: vec![2; 32], ..wire::Round::default() };
        let (host, other) = ([3u8; 32], [4u8; 32]);
        let of = |beacon: &[u8], host: &[u8; 32], devices| {
            let products = compute(puzzle, beacon, host, devices);
            let bytes: Vec<u8> = products.iter().flat_map(Product::to_bytes).collect();
            (proving::digest(&products).to_vec(), bytes)
        };
        let (digest, bytes) = of(&[1; 32], &host, 2);
        assert_eq!(fault(puzzle, &round, &host, (2, &digest), &bytes), None);
        assert!(fault(puzzle, &round, &host, (2, &digest), &bytes[1..]).unwrap().contains("no products of 2"));
        assert!(fault(puzzle, &round, &host, (2, &[0; 32]), &bytes).unwrap().contains("not those that it committed"));
        let (digest, bytes) = of(&[9; 32], &host, 2);
        assert!(fault(puzzle, &round, &host, (2, &digest), &bytes).unwrap().contains("device 0 is not that"));
        let (digest, bytes) = of(&[1; 32], &other, 2);
        assert!(fault(puzzle, &round, &host, (2, &digest), &bytes).is_some());
        // One device computed once, and shown as two.
        let first = compute(puzzle, &[1; 32], &host, 1);
        let twice = [first[0].clone(), first[0].clone()];
        let bytes: Vec<u8> = twice.iter().flat_map(Product::to_bytes).collect();
        let digest = proving::digest(&twice).to_vec();
        assert!(fault(puzzle, &round, &host, (2, &digest), &bytes).unwrap().contains("device 1 is not that"));
    }
}
