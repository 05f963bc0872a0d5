//! Programs in Python, each behind the modules that it uses: one text, since an isolated interpreter imports nothing beside it.

/// What a validator's tasks ask ([`super::desk`]).
pub(super) const DESK: &str = concat!(
    include_str!("python/corpus.py"),
    include_str!("python/embedder.py"),
    include_str!("python/search.py"),
    include_str!("python/language.py"),
    include_str!("python/digits.py"),
    include_str!("python/desk.py"),
);
/// Miners of the built-in tasks ([`super::miners`]).
pub(super) const MINER: &str = concat!(
    include_str!("python/corpus.py"),
    include_str!("python/embedder.py"),
    include_str!("python/search.py"),
    include_str!("python/language.py"),
    include_str!("python/digits.py"),
    include_str!("python/miner.py"),
);
/// A language model behind OpenAI's API ([`super::server`]).
pub(super) const SERVER: &str = include_str!("python/serve.py");
