//! A cluster with strangers, before anything is hired: in each round of proofs the suppliers that are drawn to verify a newcomer try
//! to reach it through an overlay, in a network namespace without a container, and say with their verdict whether that worked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mesh::{Number, PeerSpec, PublicKey, SecretKey};
use proto::tetra::cluster::v1 as wire;

use super::ground::{Entrance, Overlay};
use super::supplier::Supplier;
use super::trouble::Trouble;

/// How long a verifier waits for the overlay.
const PATIENCE: Duration = Duration::from_secs(20);
/// Numbers of nodes of an overlay: more would have no address.
const NUMBERS: u32 = 65_000;

/// This machine's end of a trial; it ends when it is dropped.
pub(super) struct Trial {
    pub(super) round: u64,
    key: PublicKey,
    mesh: Arc<dyn Overlay>,
}

/// The number of who committed at a place.
fn number(place: u32) -> Number {
    place % NUMBERS + 1
}

fn peer(proof: &wire::Proof) -> Option<PeerSpec> {
    let key: [u8; 32] = proof.overlay_key.as_slice().try_into().ok()?;
    let endpoints = proof.endpoints.iter().filter_map(|endpoint| endpoint.parse().ok()).collect();
    Some(PeerSpec { number: number(proof.place), key: PublicKey(key), endpoints })
}

/// A way into an overlay that waits for its place: the place is known when the commitment is on the chain.
pub(super) struct Ready {
    secret: SecretKey,
    entrance: Box<dyn Entrance>,
}

impl Ready {
    pub(super) fn key(&self) -> Vec<u8> {
        self.secret.public().0.to_vec()
    }

    pub(super) fn endpoint(&self) -> String {
        self.entrance.endpoint().to_string()
    }

    /// Takes the place that the chain gave.
    pub(super) async fn begin(self, round: u64, place: u32) -> Result<Trial, Trouble> {
        let key = self.secret.public();
        let mesh = self.entrance.begin(self.secret, number(place)).await?;
        Ok(Trial { round, key, mesh })
    }
}

impl Supplier {
    /// Opens the way into the overlay of a trial.
    pub(super) async fn ready_for_trial(&self) -> Result<Ready, Trouble> {
        let entrance = self.ground.enter(None, &self.carriage()?).await?;
        Ok(Ready { secret: SecretKey::generate(), entrance })
    }
}

impl Trial {
    /// Tells the overlay whom this machine verifies, and who verifies it.
    pub(super) fn meet<'a>(&self, proofs: impl IntoIterator<Item = &'a wire::Proof>) {
        let peers = proofs.into_iter().filter_map(peer).filter(|peer| peer.key != self.key);
        self.mesh.set_peers(peers.collect());
    }

    /// The places, of these, that are reached within the time that a verifier has: this machine reaches itself too, or nobody.
    pub(super) async fn reached(&self, proofs: &[wire::Proof]) -> BTreeSet<u32> {
        let mut status = self.mesh.watch();
        let found = |reached: &[Number]| -> BTreeSet<u32> {
            let places = proofs.iter().map(|proof| proof.place);
            places.filter(|place| reached.contains(&number(*place))).collect()
        };
        let all = status.wait_for(|status| found(&status.reached).len() == proofs.len());
        let _ = tokio::time::timeout(PATIENCE, all).await;
        found(&self.mesh.status().reached)
    }
}
