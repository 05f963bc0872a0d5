use super::super::answer::Usage;
use super::*;

fn miner() -> HotkeyId {
    HotkeyId::from_bytes([3; 32])
}

/// A price by which a token costs a base unit, and the miner gets eight tenths of it.
fn price() -> Price {
    let (prompt, completion) = (1_000_000, 1_000_000);
    Price { prompt, completion, miner_bps: 8_000, recycled_bps: 1_000, usd_per_wit: None }
}

fn tokens(prompt: u64) -> Usage {
    Usage { prompt, completion: 0 }
}

fn wit(wit: u128) -> Bill {
    Bill { wit, usd: None }
}

fn opened() -> (tempfile::TempDir, Book, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut book = Book::open(folder.path().join("book.jsonl")).unwrap();
    book.add(&Entry::Credit { account: "ann".to_owned(), amount: 100, currency: Currency::Wit }).unwrap();
    let key = book.make_key("ann", Some(60)).unwrap();
    (folder, book, key)
}

#[test]
fn holds_keep_two_requests_from_spending_the_same_money() {
    let (_folder, mut book, key) = opened();
    let first = book.hold(&key, wit(50)).unwrap();
    assert_eq!(book.hold(&key, wit(20)).unwrap_err(), Broke::Limit { needed: 20, left: 10 });
    let other = book.make_key("ann", None).unwrap();
    assert_eq!(book.hold(&other, wit(60)).unwrap_err(), Broke::Balance { needed: 60, left: 50 });
    book.settle(first, "r1", (4, miner()), tokens(20), &price()).unwrap();
    assert_eq!(book.totals().balances["ann"], 80);
    let second = book.hold(&key, wit(40)).unwrap();
    book.release(second);
    assert!(book.hold(&key, wit(41)).is_err());
    assert_eq!((book.totals().owed[&miner()], book.totals().recycled, book.totals().gateway), (16, 2, 2));
}

#[test]
fn what_was_billed_is_there_after_a_restart_and_a_torn_line_is_not() {
    let (folder, mut book, key) = opened();
    let hold = book.hold(&key, wit(50)).unwrap();
    book.settle(hold, "r1", (4, miner()), Usage { prompt: 1, completion: 2 }, &price()).unwrap();
    let totals = book.totals().clone();
    drop(book);
    let path = folder.path().join("book.jsonl");
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(br#"{"bill":{"id"#).unwrap();
    let mut again = Book::open(&path).unwrap();
    assert_eq!(*again.totals(), totals);
    again.add(&Entry::Revoked { hash: hash(&key) }).unwrap();
    assert!(!Book::open(&path).unwrap().knows(&key));
}

#[test]
fn a_gateway_sees_what_a_command_added() {
    let (folder, mut book, key) = opened();
    let mut command = Book::open(folder.path().join("book.jsonl")).unwrap();
    command.add(&Entry::Credit { account: "bob".to_owned(), amount: 5, currency: Currency::Wit }).unwrap();
    let other = command.make_key("bob", None).unwrap();
    assert!(!book.knows(&other));
    book.refresh().unwrap();
    assert!(book.knows(&other) && book.knows(&key));
    assert!(matches!(command.make_key("eve", None), Err(BookError::NoAccount(_))));
}

#[test]
fn a_journal_with_a_wrong_line_is_refused() {
    let (folder, book, _) = opened();
    drop(book);
    let path = folder.path().join("book.jsonl");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"revoked\":{\"hash\":\"none\"}}\n");
    std::fs::write(&path, text).unwrap();
    let error = Book::open(&path).unwrap_err().to_string();
    assert!(error.ends_with("line 3: no such key"), "{error}");
}

#[test]
fn what_is_owed_is_sent_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.jsonl");
    let mut book = Book::open(&path).unwrap();
    book.add(&Entry::Credit { account: "ann".to_owned(), amount: 1_000, currency: Currency::Wit }).unwrap();
    let key = book.make_key("ann", None).unwrap();
    let hold = book.hold(&key, wit(100)).unwrap();
    let miner = crate::chain::file::tests::neuron(1).hotkey;
    book.settle(hold, "a", (1, miner), tokens(100), &price()).unwrap();
    assert_eq!(book.totals().due(11), [(Payee::Miner(miner), 80)]);
    assert_eq!(book.totals().due(0).len(), 2);
    let paying = |amount| Entry::Paying { id: "p".to_owned(), to: Payee::Miner(miner), amount };
    assert!(book.add(&paying(81)).is_err(), "more than is owed");
    book.add(&paying(80)).unwrap();
    assert_eq!(book.totals().due(11), []);
    book.add(&Entry::Refused { id: "p".to_owned() }).unwrap();
    assert_eq!(book.totals().due(11), [(Payee::Miner(miner), 80)]);
    book.add(&paying(80)).unwrap();
    book.add(&Entry::Paid { id: "p".to_owned() }).unwrap();
    assert!(book.add(&Entry::Paid { id: "p".to_owned() }).is_err(), "it came already");
    let read = Book::open(&path).unwrap();
    assert_eq!((read.totals().paid, read.totals().unclear.len(), read.totals().due(11).len()), (80, 0, 0));
}

#[test]
fn an_account_in_dollars_pays_dollars_and_its_miner_gets_wit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.jsonl");
    let mut book = Book::open(&path).unwrap();
    let credit = |currency| Entry::Credit { account: "ann".to_owned(), amount: 1_000, currency };
    book.add(&credit(Currency::Usd)).unwrap();
    assert!(book.add(&credit(Currency::Wit)).is_err(), "one currency an account");
    let key = book.make_key("ann", None).unwrap();
    assert_eq!(book.hold(&key, wit(1)).unwrap_err(), Broke::NoDollars);
    // Half a dollar a WIT: a token that costs 1,000 base units is half a millionth of a dollar, rounded up once an answer.
    let (prompt, usd_per_wit) = (1_000_000_000, Some(500_000));
    let price = Price { prompt, usd_per_wit, ..price() };
    let hold = book.hold(&key, price.bill(tokens(1_500))).unwrap();
    book.settle(hold, "a", (1, miner()), tokens(1_001), &price).unwrap();
    let totals = Book::open(&path).unwrap().totals().clone();
    assert_eq!((totals.balances["ann"], totals.usd, totals.owed[&miner()]), (1_000 - 501, 501, 800_800));
}
