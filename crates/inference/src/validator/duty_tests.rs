use super::*;
use crate::chain::file::FileChain;
use crate::chain::file::tests::{graph, neuron, simulated};

fn weights(_: &Scores) -> Option<Weights> {
    Some(Weights { uids: vec![1], values: vec![65535], version: 0 })
}

struct Place {
    folder: tempfile::TempDir,
    chain: FileChain,
}

impl Place {
    fn new(reveal_after: Option<u64>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let chain = FileChain::new(folder.path().join("subnet.json"), neuron(0).hotkey);
        let mut graph = graph(0);
        graph.terms.reveal_after = reveal_after;
        graph.neurons = vec![neuron(0), neuron(1)];
        graph.neurons[0].validator = true;
        chain.create(&simulated(graph)).unwrap();
        Self { folder, chain }
    }

    fn book(&self) -> Book {
        Book::open(self.folder.path().join("validator.json")).unwrap()
    }

    /// What is done at a height, by a validator that was just started.
    async fn at(&self, height: u64) -> Due {
        self.chain
            .change(|held| {
                let graph = &mut held.graph;
                (graph.height, graph.epoch, graph.next_epoch) = (height, height / 360, (height / 360 + 1) * 360);
                Ok(())
            })
            .unwrap();
        let graph = self.chain.metagraph(1).await.unwrap();
        act(&self.chain, &mut self.book(), &graph, neuron(0).hotkey, weights).await.unwrap()
    }

    fn set(&self) -> usize {
        self.chain.read().unwrap().weights.len()
    }
}

#[tokio::test]
async fn weights_are_set_once_an_epoch_shortly_before_it_ends() {
    let place = Place::new(None);
    assert_eq!(place.at(339).await, Due::Nothing);
    assert_eq!(place.at(340).await, Due::Weigh);
    assert_eq!(place.at(341).await, Due::Nothing);
    assert_eq!(place.at(700).await, Due::Weigh);
    assert_eq!(place.set(), 1);
}

#[tokio::test]
async fn a_validator_that_dies_between_commit_and_reveal_still_reveals() {
    let place = Place::new(Some(1));
    assert_eq!(place.at(350).await, Due::Weigh);
    assert_eq!(place.set(), 0, "only committed");
    // Every call opens the record anew, as after a death.
    assert_eq!(place.at(359).await, Due::Nothing);
    assert!(matches!(place.at(360).await, Due::Reveal(_)));
    assert_eq!(place.set(), 1);
    assert_eq!(place.at(361).await, Due::Nothing);
}

#[tokio::test]
async fn who_dies_before_the_commitment_is_sent_is_refused_once() {
    let place = Place::new(Some(1));
    let mut book = place.book();
    let sealed = Sealed { weights: weights(&Scores::default()).unwrap(), salt: vec![1] };
    book.record.waiting.push(Waiting { epoch: 0, sealed });
    book.record.done = Some(0);
    book.save().unwrap();
    assert!(matches!(place.at(365).await, Due::Reveal(_)));
    assert!(place.book().record.waiting.is_empty());
    assert_eq!(place.set(), 0);
}

#[tokio::test]
async fn what_is_too_late_is_forgotten() {
    let place = Place::new(Some(1));
    place.at(350).await;
    assert!(matches!(place.at(720).await, Due::Forget(_)));
    assert!(place.book().record.waiting.is_empty());
}

#[test]
fn a_record_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("validator.json");
    fs::write(&path, "{").unwrap();
    assert!(matches!(Book::open(path), Err(RecordError::Corrupt { .. })));
}
