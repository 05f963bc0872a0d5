//! The built-in tasks with what is really computed: a built-in miner earns, and whoever cheats does not. Where the models are not
//! installed, this is said and skipped.

use std::path::PathBuf;
use std::time::Duration;

use inference::gateway::embeddings::{self, EmbedAsk};
use inference::keys::HotkeyId;
use inference::miner::exec::Exec;
use inference::models::miners::{self, Kind};
use inference::models::setup;
use inference::validator::task::{Answered, Embeddings, Image, Pretraining, Question, Reply, Search, Task};
use serde_json::{Value, json};

fn environment() -> Option<PathBuf> {
    let found = setup::folder().filter(|folder| setup::is_complete(folder));
    if found.is_none() {
        println!("skipped: the models are not installed (tetra miner install)");
    }
    found
}

fn answered(by: u8, said: Reply) -> Answered {
    Answered { from: HotkeyId::from_bytes([by; 32]), said, took: Duration::from_secs(1) }
}

fn text(by: u8, text: &str) -> Answered {
    answered(by, Reply::Text(text.to_owned()))
}

/// A built-in miner that is ready.
struct Miner(Exec);

impl Miner {
    async fn start(environment: &std::path::Path, kind: Kind, seed: u64) -> Self {
        let folder = environment.with_extension("kept");
        miners::prepare(environment, kind, &folder, seed, &|line| println!("{line}")).await.unwrap();
        Self(Exec::new(&miners::program(environment, kind, &folder, seed).unwrap(), 8 << 20))
    }

    /// Its answer to a chat.
    async fn say(&self, question: &Question) -> String {
        let Question::Chat(question) = question else { panic!("{question:?}") };
        let body = json!({ "messages": [{ "role": "user", "content": question }] });
        let stream = self.0.chat("/v1/chat/completions", &body).await.unwrap();
        let first = stream.lines().next().unwrap().strip_prefix("data: ").unwrap();
        let chunk: Value = serde_json::from_str(first).unwrap();
        chunk["choices"][0]["delta"]["content"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn pictures_that_a_generator_draws_are_worth_more_than_one_picture_again_and_again() {
    let Some(environment) = environment() else { return };
    let (mut task, miner) = (Image::open(&environment).unwrap(), Miner::start(&environment, Kind::Image, 1).await);
    for seed in [7, 13, 28] {
        let asked = task.ask(seed).await.unwrap();
        let drawn = miner.say(&asked.question).await;
        let images: Value = serde_json::from_str(&drawn).unwrap();
        let count = images["images"].as_array().unwrap().len();
        let same = json!({ "images": vec![&images["images"][0]; count] }).to_string();
        let answers = [text(1, &drawn), text(2, &same), text(3, "no"), text(4, r#"{"images":["AAAA"]}"#)];
        let scores = task.score(&asked, &answers).await.unwrap();
        assert!(scores[0] > 0.25 && scores[1..] == [0.0; 3], "{scores:?}");
    }
}

#[tokio::test]
async fn a_model_that_was_trained_beats_a_worse_one_and_a_copy_is_worth_nothing() {
    let Some(environment) = environment() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut task = Pretraining::open(&environment, folder.path()).unwrap();
    let miner = Miner::start(&environment, Kind::Pretraining, 1).await;
    let asked = task.ask(3 << 32).await.unwrap();
    let model = miner.say(&asked.question).await;
    let alone = task.score(&asked, &[text(1, &model)]).await.unwrap();
    assert_eq!(alone, [1.0]);
    let answers = [text(1, &model), text(2, &model), text(3, "{}"), text(4, r#"{"model":"AAAA"}"#)];
    assert_eq!(task.score(&asked, &answers).await.unwrap(), [1.0, 0.0, 0.0, 0.0]);
    // Who was first is remembered over a restart.
    drop(task);
    let mut again = Pretraining::open(&environment, folder.path()).unwrap();
    let scores = again.score(&asked, &[text(2, &model), text(1, &model)]).await.unwrap();
    assert_eq!(scores, [0.0, 1.0]);
}

#[tokio::test]
async fn embeddings_of_another_model_are_worth_nothing() {
    let Some(environment) = environment() else { return };
    let mut task = Embeddings::open(&environment).unwrap();
    let miner = Miner::start(&environment, Kind::Embeddings, 1).await;
    let asked = task.ask(11).await.unwrap();
    let Question::Embed(texts) = &asked.question else { panic!("{asked:?}") };
    let ask = EmbedAsk { model: "m".to_owned(), texts: texts.clone() };
    let body: Value = serde_json::from_slice(&ask.to_wire()).unwrap();
    let said = miner.0.other("/v1/embeddings", &body).await.unwrap();
    let (vectors, usage) = embeddings::answer(&ask, said.to_string().as_bytes()).unwrap();
    assert!(usage.prompt > 0 && vectors[0].len() == 384);
    let turned = vec![vectors[0].iter().rev().copied().collect()];
    let answers = [answered(1, Reply::Vectors(vectors)), answered(2, Reply::Vectors(turned)), text(3, "vectors")];
    assert_eq!(task.score(&asked, &answers).await.unwrap(), [1.0, 0.0, 0.0]);
}

#[tokio::test]
async fn links_are_checked_against_their_source() {
    let Some(environment) = environment() else { return };
    let (mut task, miner) = (Search::open(&environment).unwrap(), Miner::start(&environment, Kind::Search, 1).await);
    for seed in [5, 500, 900] {
        let asked = task.ask(seed).await.unwrap();
        let found = miner.say(&asked.question).await;
        let passage = asked.known["passage"].as_str().unwrap();
        // The passage itself, behind a link where it does not stand.
        let elsewhere = json!([{ "link": "pydoc:len", "text": passage }]).to_string();
        let Question::Chat(question) = &asked.question else { panic!("{asked:?}") };
        let answers = [text(1, &found), text(2, &elsewhere), text(3, question)];
        let scores = task.score(&asked, &answers).await.unwrap();
        assert!(scores[0] > 0.4 && scores[1..] == [0.0; 2], "{scores:?}");
    }
}
