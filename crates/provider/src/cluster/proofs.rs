//! Proofs of this machine's devices, and verdicts on those of others.

use std::collections::BTreeSet;
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

/// Rounds whose products are kept on disk, so that others can look at them once more: an appeal is heard in the round after it.
const KEPT: u64 = 4;

fn products_file(round: u64) -> String {
    format!("cluster-products-{round}.bin")
}

/// The round of such a file; none of others.
fn products_round(name: &str) -> Option<u64> {
    name.strip_prefix("cluster-products-")?.strip_suffix(".bin")?.parse().ok()
}

fn puzzle(class: &wire::Class) -> Puzzle {
    Puzzle { rows: class.rows as usize, depth: class.depth as usize }
}

fn class<'a>(params: &'a wire::Params, name: &str) -> Result<&'a wire::Class, Trouble> {
    let found = params.classes.iter().find(|class| class.name == name);
    found.ok_or_else(|| Trouble::Odd(format!("the chain has no class {name:?}")))
}

/// Bytes of a product.
fn size(puzzle: Puzzle) -> usize {
    puzzle.rows * puzzle.rows * 2
}

/// What is wrong with the products of an offer; none when nothing is.
fn fault(
    puzzle: Puzzle,
    (seed_of_round, draw): (&[u8], &[u8]),
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
        let seed = proving::seed(seed_of_round, host_key, *device);
        !proving::check(puzzle, &seed, product, draw)
    });
    wrong.map(|(_, device)| format!("the product of device {device} is not that of its seed"))
}

/// What a look at a proof comes to.
fn word(found: Result<Option<String>, Trouble>) -> (VerdictKind, String) {
    match found {
        Ok(None) => (VerdictKind::Right, String::new()),
        Ok(Some(fault)) => (VerdictKind::Wrong, fault),
        Err(trouble) => (VerdictKind::Silent, trouble.to_string()),
    }
}

impl Supplier {
    /// Takes part in the round that is open: computes, keeps the products, and commits to them.
    pub(super) async fn prove(&self, offer: &wire::Offer, round: &wire::Round) -> Result<(), Trouble> {
        let params = self.params().await?;
        let terms = offer.terms.clone().unwrap_or_default();
        let puzzle = puzzle(class(&params, &terms.class)?);
        let seeds = (0..terms.devices).map(|device| proving::seed(&round.seed, &self.host_key, device)).collect();
        let products = self.ground.products(puzzle, seeds).await?;
        let digest = proving::digest(&products).to_vec();
        let bytes: Vec<u8> = products.iter().flat_map(Product::to_bytes).collect();
        self.keep_products(round.number, &bytes)?;
        *lock(&self.committed) = Some(Arc::new(Committed { round: round.number, bytes }));
        let ready = self.ready_for_trial().await?;
        let id = self.id();
        let (owner, host_key) = (id.owner, id.host_key);
        let (overlay_key, endpoints) = (ready.key(), vec![ready.endpoint()]);
        let msg = wire::MsgCommitProof { owner, host_key, round: round.number, digest, overlay_key, endpoints };
        self.chain.send(vec![msg.to_any()]).await?;
        tracing::info!(round = round.number, "committed to a proof of devices");
        let committed = self.chain.cluster_offer(&self.id()).await?.and_then(|found| found.proof);
        if let Some(proof) = committed.filter(|proof| proof.round == round.number) {
            match ready.begin(round.number, proof.place).await {
                Ok(trial) => *lock(&self.trial) = Some(Arc::new(trial)),
                Err(error) => tracing::warn!(round = round.number, %error, "no part in this round's trials"),
            }
        }
        Ok(())
    }

    /// Keeps products on disk, and forgets those of rounds that nobody asks for any more. Who is blocked commits to none, so that those it
    /// is judged for stay.
    fn keep_products(&self, round: u64, bytes: &[u8]) -> Result<(), Trouble> {
        let odd = |error: std::io::Error| Trouble::Odd(format!("products cannot be kept: {error}"));
        let folder = self.home.state();
        std::fs::write(folder.join(products_file(round)), bytes).map_err(odd)?;
        for entry in std::fs::read_dir(&folder).map_err(odd)?.flatten() {
            let name = entry.file_name();
            if name.to_str().and_then(products_round).is_some_and(|old| old.saturating_add(KEPT) <= round) {
                std::fs::remove_file(entry.path()).map_err(odd)?;
            }
        }
        Ok(())
    }

    /// The products that were committed to in a round; none when they are not kept.
    pub(super) fn products_of(&self, round: u64) -> Option<Vec<u8>> {
        let committed = lock(&self.committed).clone().filter(|committed| committed.round == round);
        match committed {
            Some(committed) => Some(committed.bytes.clone()),
            None => std::fs::read(self.home.state().join(products_file(round))).ok(),
        }
    }

    /// Tells this machine's end of the round's trial whom it is to reach, and who is to reach it. An agent that was restarted in the
    /// middle of a round has no end of it.
    pub(super) fn meet(&self, round: &wire::Round, duties: &wire::QueryDutiesResponse) {
        let trial = lock(&self.trial).clone().filter(|trial| trial.round == round.number);
        if let Some(trial) = trial {
            trial.meet(duties.proofs.iter().chain(&duties.verifiers));
        }
    }

    /// Verifies proofs that this offer is drawn for, and says what was found.
    pub(super) async fn verify(&self, round: &wire::Round, duties: wire::QueryDutiesResponse) -> Result<(), Trouble> {
        let trial = lock(&self.trial).clone().filter(|trial| trial.round == round.number);
        let reached = async {
            match &trial {
                Some(trial) => trial.reached(&duties.proofs).await,
                None => BTreeSet::new(),
            }
        };
        let looked = async {
            let mut words = Vec::new();
            for proof in &duties.proofs {
                words.push(word(self.verdict(proof, (&round.seed, &round.draw), None).await));
            }
            words
        };
        let (reached, words) = tokio::join!(reached, looked);
        for (proof, (kind, why)) in duties.proofs.into_iter().zip(words) {
            let id = self.id();
            let (owner, host_key) = (id.owner, id.host_key);
            let of = proof.offer.as_ref().map(|offer| offer.owner.clone()).unwrap_or_default();
            let formed = reached.contains(&proof.place);
            let msg = wire::MsgVerifyProof {
                owner,
                host_key,
                round: round.number,
                offer: proof.offer,
                kind: kind.into(),
                reason: reason(&why),
                formed,
            };
            self.chain.send(vec![msg.to_any()]).await?;
            tracing::info!(
                round = round.number,
                provider = of,
                found = kind.as_str_name(),
                formed,
                "verified a proof of devices"
            );
        }
        for appeal in duties.appeals {
            self.hear(round, appeal).await?;
        }
        Ok(())
    }

    /// Looks at a proof that is appealed for.
    async fn hear(&self, round: &wire::Round, appeal: wire::Appeal) -> Result<(), Trouble> {
        let proof = appeal.proof.unwrap_or_default();
        let (kind, why) = word(self.verdict(&proof, (&appeal.seed, &appeal.draw), appeal.terms).await);
        let wire::OfferId { owner, host_key } = self.id();
        let of = proof.offer.as_ref().map(|offer| offer.owner.clone()).unwrap_or_default();
        let msg = wire::MsgVerifyAppeal {
            owner,
            host_key,
            round: round.number,
            offer: proof.offer,
            kind: kind.into(),
            reason: reason(&why),
        };
        self.chain.send(vec![msg.to_any()]).await?;
        tracing::info!(round = round.number, provider = of, found = kind.as_str_name(), "heard an appeal");
        Ok(())
    }

    /// What is wrong with a proof over a seed, checked with a draw; `terms` are those of now when there are none.
    async fn verdict(
        &self,
        proof: &wire::Proof,
        (seed, draw): (&[u8], &[u8]),
        terms: Option<wire::OfferTerms>,
    ) -> Result<Option<String>, Trouble> {
        let id = proof.offer.clone().unwrap_or_default();
        let terms = match terms {
            Some(terms) => terms,
            None => {
                let found = self.chain.cluster_offer(&id).await?.and_then(|found| found.offer);
                found.and_then(|offer| offer.terms).ok_or_else(|| Trouble::Odd("the offer is gone".to_owned()))?
            }
        };
        let puzzle = puzzle(class(&self.params().await?, &terms.class)?);
        let own = if id == self.id() { self.products_of(proof.round) } else { None };
        let bytes = match own {
            Some(own) => own,
            None => {
                let most = size(puzzle) * terms.devices as usize;
                let gateway = self.gateway(&id.owner).await?;
                let fetched = gateway.cluster_products(&id.host_key, proof.round, most).await;
                fetched.map_err(|error| Trouble::Fetch(error.to_string()))?
            }
        };
        let host_key: [u8; 32] =
            id.host_key.as_slice().try_into().map_err(|_| Trouble::Odd("a host key has 32 bytes".to_owned()))?;
        let (seed, draw, digest) = (seed.to_vec(), draw.to_vec(), proof.digest.clone());
        let checked = tokio::task::spawn_blocking(move || {
            fault(puzzle, (&seed, &draw), &host_key, (terms.devices, &digest), &bytes)
        });
        checked.await.map_err(|error| Trouble::Odd(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::compute;
    use super::*;

    #[test]
    fn files_of_products_are_known_by_their_round() {
        assert_eq!(products_round(&products_file(17)), Some(17));
        assert_eq!(products_round("cluster-products-x.bin"), None);
        assert_eq!(products_round("cluster-tetra1-17-manifest.json"), None);
    }

    #[test]
    fn a_verifier_finds_replayed_relayed_cut_and_cloned_products() {
        let puzzle = Puzzle { rows: 16, depth: 32 };
        let round = (&[1; 32][..], &[2; 32][..]);
        let (host, other) = ([3u8; 32], [4u8; 32]);
        let of = |beacon: &[u8], host: &[u8; 32], devices| {
            let seeds: Vec<_> = (0..devices).map(|device| proving::seed(beacon, host, device)).collect();
            let products = compute(puzzle, &seeds);
            let bytes: Vec<u8> = products.iter().flat_map(Product::to_bytes).collect();
            (proving::digest(&products).to_vec(), bytes)
        };
        let (digest, bytes) = of(&[1; 32], &host, 2);
        assert_eq!(fault(puzzle, round, &host, (2, &digest), &bytes), None);
        assert!(fault(puzzle, round, &host, (2, &digest), &bytes[1..]).unwrap().contains("no products of 2"));
        assert!(fault(puzzle, round, &host, (2, &[0; 32]), &bytes).unwrap().contains("not those that it committed"));
        let (digest, bytes) = of(&[9; 32], &host, 2);
        assert!(fault(puzzle, round, &host, (2, &digest), &bytes).unwrap().contains("device 0 is not that"));
        let (digest, bytes) = of(&[1; 32], &other, 2);
        assert!(fault(puzzle, round, &host, (2, &digest), &bytes).is_some());
        // One device computed once, and shown as two.
        let first = compute(puzzle, &[proving::seed(&[1; 32], &host, 0)]);
        let twice = [first[0].clone(), first[0].clone()];
        let bytes: Vec<u8> = twice.iter().flat_map(Product::to_bytes).collect();
        let digest = proving::digest(&twice).to_vec();
        assert!(fault(puzzle, round, &host, (2, &digest), &bytes).unwrap().contains("device 1 is not that"));
    }
}
