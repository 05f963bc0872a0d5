//! The gateway: OpenAI's API for users, signed requests to miners, and a bill for each answer.
//!
//! | module | what it holds |
//! |---|---|
//! | [`openai`] | requests, read strictly, and the one form in which miners see them |
//! | [`answer`] | a miner's stream, read strictly; what it may claim of usage |
//! | [`book`] | accounts, keys, bills and what miners are owed: a journal |
//! | [`price`] | what an answer costs, and who gets it |
//! | [`route`] | which miner is asked first |
//! | [`server`] | the doors, and falling over from one miner to the next |

pub mod answer;
pub mod book;
pub mod openai;
pub mod price;
pub mod route;
pub mod server;
