//! Accounts, keys, bills and debts: a journal of JSON lines that is only ever added to.
//!
//! A running gateway and the commands that make keys share the file: each adds whole lines under its lock, and reads what
//! others added before it judges. A torn last line, left by a crash, is cut off by the next writer: what it said was not yet
//! promised to anybody.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::price::{Bill, Currency, Price, Split};
use crate::chain::Payee;
use crate::keys::HotkeyId;

/// What every key begins with.
const PREFIX: &str = "sk-tetra-";

/// Why the journal cannot be used.
#[derive(Debug, Error)]
pub enum BookError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line that is none of ours.
    #[error("{path}, line {line}: {why}")]
    Corrupt {
        /// Where.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// There is no such account.
    #[error("there is no account {0:?}")]
    NoAccount(String),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// Money came in; an account begins with it.
    Credit {
        /// Whose.
        account: String,
        /// Base units of its currency.
        amount: u128,
        /// What the account is kept in.
        #[serde(default, skip_serializing_if = "Currency::is_wit")]
        currency: Currency,
    },
    /// A key was made.
    Key {
        /// SHA-256 of the key, in hex.
        hash: String,
        /// Whose.
        account: String,
        /// What it may spend in all, if that is limited.
        limit: Option<u128>,
    },
    /// A key was withdrawn.
    Revoked {
        /// SHA-256 of the key, in hex.
        hash: String,
    },
    /// An answer was paid.
    Bill {
        /// The request.
        id: String,
        /// SHA-256 of the key, in hex.
        key: String,
        /// Who answered.
        miner: HotkeyId,
        /// Its place then.
        uid: u16,
        /// Tokens of the question.
        prompt: u64,
        /// Tokens of the answer.
        completion: u64,
        /// Who got what, in WIT.
        split: Split,
        /// What an account that is kept in dollars paid for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usd: Option<u128>,
    },
    /// A payment of what is owed is sent to the chain.
    Paying {
        /// Names it.
        id: String,
        /// To whom.
        to: Payee,
        /// Base units.
        amount: u128,
    },
    /// It came.
    Paid {
        /// Which.
        id: String,
    },
    /// The chain refused it: it is owed again.
    Refused {
        /// Which.
        id: String,
    },
}

/// A key's standing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Whose it is.
    pub account: String,
    /// What it may spend in all.
    pub limit: Option<u128>,
    /// What it spent.
    pub spent: u128,
    /// Withdrawn.
    pub revoked: bool,
}

/// What the journal adds up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Balances by account, in its currency.
    pub balances: BTreeMap<String, u128>,
    /// What accounts are kept in.
    pub currencies: BTreeMap<String, Currency>,
    /// Keys by hash.
    pub keys: BTreeMap<String, Key>,
    /// What each miner earned here and was not sent.
    pub owed: BTreeMap<HotkeyId, u128>,
    /// What is to be recycled and was not sent.
    pub recycled: u128,
    /// What the gateway earned, in WIT; of answers that dollars paid, what is left of their price in WIT.
    pub gateway: u128,
    /// Dollars that came for answers, in millionths.
    pub usd: u128,
    /// How many answers were paid.
    pub bills: u64,
    /// Payments that were sent and of which nothing was heard: to whom, and how much. Whoever died in between looks at the chain.
    pub unclear: BTreeMap<String, (Payee, u128)>,
    /// What came where it should.
    pub paid: u128,
}

/// The journal.
#[derive(Debug)]
pub struct Book {
    path: PathBuf,
    file: File,
    read: u64,
    lines: u64,
    totals: Totals,
    /// Held back for requests under way, by key and by account; a crash gives it back.
    held_by_key: BTreeMap<String, u128>,
    held_by_account: BTreeMap<String, u128>,
}

/// Why a request may not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broke {
    /// No such key, or withdrawn.
    NoKey,
    /// The account has not enough left.
    Balance {
        /// What the answer may cost.
        needed: u128,
        /// What is left.
        left: u128,
    },
    /// The key may not spend so much.
    Limit {
        /// What the answer may cost.
        needed: u128,
        /// What the key may still spend.
        left: u128,
    },
    /// The account is kept in dollars, and the gateway has no price in them.
    NoDollars,
}

/// Money held back for a request; must be given to [`Book::settle`] or [`Book::release`].
#[derive(Debug)]
#[must_use]
pub struct Hold {
    key: String,
    account: String,
    amount: u128,
}

/// SHA-256 of a key, in hex: what is kept of it.
pub fn hash(key: &str) -> String {
    hex::encode(Sha256::digest(key))
}

impl Book {
    /// Opens a journal, or begins one.
    ///
    /// # Errors
    /// When it cannot be read or is none.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, BookError> {
        let path = path.into();
        let opened = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let file = opened.map_err(|source| BookError::Io { path: path.clone(), source })?;
        let mut book = Self {
            path,
            file,
            read: 0,
            lines: 0,
            totals: Totals::default(),
            held_by_key: BTreeMap::new(),
            held_by_account: BTreeMap::new(),
        };
        book.refresh()?;
        Ok(book)
    }

    fn io(&self, source: std::io::Error) -> BookError {
        BookError::Io { path: self.path.clone(), source }
    }

    /// Reads what others added.
    ///
    /// # Errors
    /// When it cannot be read or is none.
    pub fn refresh(&mut self) -> Result<(), BookError> {
        let length = self.file.metadata().map_err(|error| self.io(error))?.len();
        if length <= self.read {
            return Ok(());
        }
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(self.read)).map_err(|error| self.io(error))?;
        self.file.read_to_end(&mut bytes).map_err(|error| self.io(error))?;
        for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            self.lines += 1;
            let corrupt = |why: String| BookError::Corrupt { path: self.path.clone(), line: self.lines, why };
            let entry: Entry = serde_json::from_slice(line).map_err(|error| corrupt(error.to_string()))?;
            self.totals.take(&entry).map_err(corrupt)?;
            self.read += line.len() as u64;
        }
        Ok(())
    }

    /// Adds an entry, on the disk before this returns.
    ///
    /// # Errors
    /// When the file system refuses, or the entry does not fit what is there.
    pub fn add(&mut self, entry: &Entry) -> Result<(), BookError> {
        self.file.lock().map_err(|error| self.io(error))?;
        let added = self.add_locked(entry);
        let unlocked = self.file.unlock().map_err(|error| self.io(error));
        added.and(unlocked)
    }

    fn add_locked(&mut self, entry: &Entry) -> Result<(), BookError> {
        self.refresh()?;
        let corrupt = |why: String| BookError::Corrupt { path: self.path.clone(), line: self.lines + 1, why };
        self.totals.clone().take(entry).map_err(corrupt)?;
        let mut line = serde_json::to_vec(entry).map_err(|error| self.io(error.into()))?;
        line.push(b'\n');
        self.file.set_len(self.read).map_err(|error| self.io(error))?;
        self.file.write_all(&line).and_then(|()| self.file.sync_data()).map_err(|error| self.io(error))?;
        self.refresh()
    }

    /// A new key of an account. It is shown once: only its hash is kept.
    ///
    /// # Errors
    /// When there is no such account, or the journal cannot be written.
    pub fn make_key(&mut self, account: &str, limit: Option<u128>) -> Result<String, BookError> {
        self.refresh()?;
        if !self.totals.balances.contains_key(account) {
            return Err(BookError::NoAccount(account.to_owned()));
        }
        let key = format!("{PREFIX}{}", hex::encode(rand::random::<[u8; 24]>()));
        self.add(&Entry::Key { hash: hash(&key), account: account.to_owned(), limit })?;
        Ok(key)
    }

    /// What the journal adds up to.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Whether a key is good for anything.
    pub fn knows(&self, key: &str) -> bool {
        self.totals.keys.get(&hash(key)).is_some_and(|key| !key.revoked)
    }

    /// Holds back the most that an answer may cost.
    ///
    /// # Errors
    /// Why it may not begin.
    pub fn hold(&mut self, key: &str, most: Bill) -> Result<Hold, Broke> {
        let hash = hash(key);
        let known = self.totals.keys.get(&hash).filter(|key| !key.revoked).ok_or(Broke::NoKey)?;
        let needed = most.of(self.totals.currency(&known.account)).ok_or(Broke::NoDollars)?;
        let held = |held: &BTreeMap<String, u128>, name: &str| held.get(name).copied().unwrap_or(0);
        if let Some(limit) = known.limit {
            let left = limit.saturating_sub(known.spent).saturating_sub(held(&self.held_by_key, &hash));
            if left < needed {
                return Err(Broke::Limit { needed, left });
            }
        }
        let balance = self.totals.balances.get(&known.account).copied().unwrap_or(0);
        let left = balance.saturating_sub(held(&self.held_by_account, &known.account));
        if left < needed {
            return Err(Broke::Balance { needed, left });
        }
        let hold = Hold { key: hash, account: known.account.clone(), amount: needed };
        *self.held_by_key.entry(hold.key.clone()).or_default() += needed;
        *self.held_by_account.entry(hold.account.clone()).or_default() += needed;
        Ok(hold)
    }

    /// Gives back what was held; nothing is billed.
    pub fn release(&mut self, hold: Hold) {
        for (held, name) in [(&mut self.held_by_key, &hold.key), (&mut self.held_by_account, &hold.account)] {
            if let Some(amount) = held.get_mut(name) {
                *amount = amount.saturating_sub(hold.amount);
            }
            held.retain(|_, amount| *amount > 0);
        }
    }

    /// Bills an answer within what was held.
    ///
    /// # Errors
    /// When the journal cannot be written; then nothing is billed.
    pub fn settle(
        &mut self,
        hold: Hold,
        id: &str,
        (uid, miner): (u16, HotkeyId),
        usage: super::answer::Usage,
        price: &Price,
    ) -> Result<(), BookError> {
        let (id, key) = (id.to_owned(), hold.key.clone());
        let bill = price.bill(usage);
        let usd = bill.usd.filter(|_| self.totals.currency(&hold.account) == Currency::Usd);
        self.release(hold);
        let split = price.split(bill.wit);
        self.add(&Entry::Bill { id, key, miner, uid, prompt: usage.prompt, completion: usage.completion, split, usd })
    }
}

impl Totals {
    fn take(&mut self, entry: &Entry) -> Result<(), String> {
        match entry {
            Entry::Credit { account, amount, currency } => {
                if self.balances.contains_key(account) && self.currency(account) != *currency {
                    return Err("an account in another currency".to_owned());
                }
                if *currency != Currency::Wit {
                    self.currencies.insert(account.clone(), *currency);
                }
                let balance = self.balances.entry(account.clone()).or_default();
                *balance = balance.checked_add(*amount).ok_or("more money than there can be")?;
            }
            Entry::Key { hash, account, limit } => {
                if !self.balances.contains_key(account) || self.keys.contains_key(hash) {
                    return Err("a key of an account that is not there, or a key that is".to_owned());
                }
                let key = Key { account: account.clone(), limit: *limit, spent: 0, revoked: false };
                self.keys.insert(hash.clone(), key);
            }
            Entry::Revoked { hash } => self.keys.get_mut(hash).ok_or("no such key")?.revoked = true,
            Entry::Bill { key, miner, split, usd, .. } => {
                let key = self.keys.get_mut(key).ok_or("a bill of a key that is not there")?;
                let balance = self.balances.get_mut(&key.account).ok_or("a bill of an account that is not there")?;
                let parts = split.miner.checked_add(split.recycled).and_then(|sum| sum.checked_add(split.gateway));
                let cost = usd.or(parts).ok_or("more money than there can be")?;
                self.usd += usd.unwrap_or(0);
                *balance = balance.checked_sub(cost).ok_or("a bill of more than there is")?;
                key.spent += cost;
                *self.owed.entry(*miner).or_default() += split.miner;
                self.recycled += split.recycled;
                self.gateway += split.gateway;
                self.bills += 1;
            }
            Entry::Paying { id, to, amount } => {
                let owed = self.owed_to(*to);
                *owed = owed.checked_sub(*amount).ok_or("a payment of more than is owed")?;
                self.owed.retain(|_, owed| *owed > 0);
                if self.unclear.insert(id.clone(), (*to, *amount)).is_some() {
                    return Err("two payments of one name".to_owned());
                }
            }
            Entry::Paid { id } => {
                let (_, amount) = self.unclear.remove(id).ok_or("no such payment")?;
                self.paid += amount;
            }
            Entry::Refused { id } => {
                let (to, amount) = self.unclear.remove(id).ok_or("no such payment")?;
                *self.owed_to(to) += amount;
            }
        }
        Ok(())
    }

    /// What an account is kept in.
    pub fn currency(&self, account: &str) -> Currency {
        self.currencies.get(account).copied().unwrap_or_default()
    }

    fn owed_to(&mut self, to: Payee) -> &mut u128 {
        match to {
            Payee::Miner(hotkey) => self.owed.entry(hotkey).or_default(),
            Payee::Recycled => &mut self.recycled,
        }
    }

    /// What is owed at least so much, to whom.
    pub fn due(&self, least: u128) -> Vec<(Payee, u128)> {
        let miners = self.owed.iter().map(|(hotkey, amount)| (Payee::Miner(*hotkey), *amount));
        let all = miners.chain([(Payee::Recycled, self.recycled)]);
        all.filter(|(_, amount)| *amount > 0 && *amount >= least).collect()
    }
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
