//! The life of a validator: it asks miners, scores what they say, and sets weights in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::duty::{self, Book, Due, DutyError};
use super::task::{Answered, LATE, Question, Reply, Task, TaskError};
use super::weights::weights;
use crate::chain::{Chain, Metagraph};
use crate::gateway::answer::Answer;
use crate::gateway::embeddings::{self, EMBEDDINGS, EmbedAsk};
use crate::gateway::openai::{Ask, CHAT, Said};
use crate::wire::dendrite::{Axon, Dendrite};

/// The most bytes of an answer.
const MOST_ANSWER: usize = 1 << 20;
/// The most tokens that are asked for.
const TOKENS: (u32, u32) = (48, 160);

/// What a validator is told.
#[derive(Clone, Debug)]
pub struct ValidatorConfig {
    /// The subnet.
    pub netuid: u16,
    /// The model's name in questions; gateways use the same.
    pub model: String,
    /// How many miners a round asks.
    pub sample: usize,
    /// From one round to the next.
    pub every: Duration,
    /// Validators with more stake than this are not asked.
    pub stake_limit: u128,
}

/// A validator.
pub struct Validator {
    config: ValidatorConfig,
    chain: Arc<dyn Chain>,
    dendrite: Dendrite,
    book: Book,
    task: Box<dyn Task>,
}

/// What a miner's answer was worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// Its place.
    pub uid: u16,
    /// The reward, 0 to 1.
    pub reward: f64,
    /// The answer, or why there was none.
    pub said: Result<String, String>,
}

impl Validator {
    /// A validator that has not begun.
    pub fn new(
        config: ValidatorConfig,
        chain: Arc<dyn Chain>,
        dendrite: Dendrite,
        book: Book,
        task: Box<dyn Task>,
    ) -> Self {
        Self { config, chain, dendrite, book, task }
    }

    /// What it remembers.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Asks some miners the same question, and takes what their answers were worth.
    ///
    /// # Errors
    /// When the task cannot go on.
    pub async fn round(&mut self, graph: &Metagraph) -> Result<Vec<Scored>, TaskError> {
        self.book.record.scores.follow(graph);
        let asked = self.task.ask(rand::random()).await?;
        let mut said = Vec::new();
        for (uid, axon) in self.sample(graph) {
            let began = Instant::now();
            let answer = self.say(axon, &asked.question).await;
            let answer = answer.map(|said| Answered { from: axon.hotkey, said, took: began.elapsed() });
            said.push((uid, axon.hotkey, answer));
        }
        let answers: Vec<Answered> = said.iter().filter_map(|(.., answer)| answer.as_ref().ok().cloned()).collect();
        let mut worth = self.task.score(&asked, &answers).await?.into_iter();
        let mut scored = Vec::new();
        for (uid, hotkey, answer) in said {
            let reward = if answer.is_ok() { worth.next().unwrap_or(0.0) } else { 0.0 };
            self.book.record.scores.take(uid, hotkey, reward);
            scored.push(Scored { uid, reward, said: answer.map(|answer| answer.said.to_string()) });
        }
        Ok(scored)
    }

    /// A question as users ask theirs: number of tokens, temperature and seed differ from one to the next.
    fn question(&self, text: &str) -> Ask {
        Ask {
            model: self.config.model.clone(),
            messages: vec![Said { role: "user".to_owned(), content: text.to_owned() }],
            max_tokens: rand::random_range(TOKENS.0..=TOKENS.1),
            temperature: 0.0,
            top_p: 1.0,
            seed: rand::random_range(0..1 << 31),
            stop: Vec::new(),
        }
    }

    fn sample(&self, graph: &Metagraph) -> Vec<(u16, Axon)> {
        let own = self.dendrite.hotkey();
        let miners = graph.miners(self.config.stake_limit).filter(|(neuron, _)| neuron.hotkey != own);
        let mut miners: Vec<(u16, Axon)> =
            miners.map(|(neuron, at)| (neuron.uid, Axon { hotkey: neuron.hotkey, at })).collect();
        // A random part, by Fisher and Yates.
        for place in 0..miners.len().min(self.config.sample) {
            let other = rand::random_range(place..miners.len());
            miners.swap(place, other);
        }
        miners.truncate(self.config.sample);
        miners
    }

    async fn say(&self, axon: Axon, question: &Question) -> Result<Reply, String> {
        match question {
            Question::Chat(text) => {
                let ask = self.question(text);
                let reply = self.dendrite.ask(axon, CHAT, ask.to_wire().into(), LATE, MOST_ANSWER).await;
                let mut answer = Answer::new(reply.map_err(|error| error.to_string())?, &ask);
                answer.whole().await.map(|(text, ..)| Reply::Text(text)).map_err(|error| error.to_string())
            }
            Question::Embed(texts) => {
                let ask = EmbedAsk { model: self.config.model.clone(), texts: texts.clone() };
                let reply = self.dendrite.ask(axon, EMBEDDINGS, ask.to_wire().into(), LATE, MOST_ANSWER).await;
                let body =
                    reply.map_err(|error| error.to_string())?.whole().await.map_err(|error| error.to_string())?;
                embeddings::answer(&ask, &body)
                    .map(|(vectors, _)| Reply::Vectors(vectors))
                    .map_err(|error| error.to_string())
            }
        }
    }

    /// Sets, commits or reveals weights, if that is due.
    ///
    /// # Errors
    /// When the chain cannot be reached, or what it does not be remembered.
    pub async fn act(&mut self, graph: &Metagraph) -> Result<Due, DutyError> {
        let own = self.dendrite.hotkey();
        let uids: Vec<u16> =
            graph.neurons.iter().filter(|neuron| neuron.hotkey != own).map(|neuron| neuron.uid).collect();
        let made = |scores: &super::scores::Scores| weights(&scores.positive(), &uids, &graph.terms);
        duty::act(self.chain.as_ref(), &mut self.book, graph, own, made).await
    }

    /// Goes on until it is dropped; `tell` hears of rounds and of duties that were done.
    pub async fn run(mut self, tell: impl Fn(&Metagraph, &[Scored], &Due) + Send) {
        loop {
            match self.turn().await {
                Ok((graph, scored, due)) => tell(&graph, &scored, &due),
                Err(error) => tracing::warn!(netuid = self.config.netuid, error, "the validator's turn failed"),
            }
            tokio::time::sleep(self.config.every).await;
        }
    }

    /// One round and what is due.
    ///
    /// # Errors
    /// Why it failed, in words; what is due then stays due.
    pub async fn turn(&mut self) -> Result<(Metagraph, Vec<Scored>, Due), String> {
        let graph = self.chain.metagraph(self.config.netuid).await.map_err(|error| error.to_string())?;
        // A revelation has one epoch only: it does not wait for a round.
        let due = self.act(&graph).await.map_err(|error| error.to_string())?;
        if due != Due::Nothing {
            return Ok((graph, Vec::new(), due));
        }
        let scored = self.round(&graph).await.map_err(|error| error.to_string())?;
        self.book.save().map_err(|error| error.to_string())?;
        Ok((graph, scored, due))
    }
}
