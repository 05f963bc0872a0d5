//! The gateway: OpenAI's API for users, signed requests to miners, and a bill for each answer.
//!
//! | module | what it holds |
//! |---|---|
//! | [`openai`] | requests of chats, read strictly, and the one form in which miners see them |
//! | [`embeddings`] | the same of embeddings, and their answers |
//! | [`answer`] | a miner's stream, read strictly; what it may claim of usage |
//! | [`book`] | accounts, keys, bills and what miners are owed: a journal |
//! | [`price`] | what an answer costs, and who gets it |
//! | [`route`] | which miner is asked first |
//! | `race` | the first word of an answer, from whoever gives it |
//! | [`server`] | the doors |
//! | `course` | a request from its hold to its bill |
//! | `refused` | why a request is refused, in OpenAI's form |

pub mod answer;
pub mod book;
mod course;
pub mod embeddings;
pub mod openai;
pub mod price;
mod race;
mod refused;
pub mod route;
pub mod server;
