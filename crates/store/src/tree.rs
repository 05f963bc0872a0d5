//! The commitment: a binary Merkle tree over the keys of one module. **Its hashes are a consensus rule.**
//!
//! All hashing is SHA-256. `‖` is concatenation, texts are their ASCII bytes.
//!
//! | thing | hash |
//! |---|---|
//! | position of a key | `path = sha256(key)`; its bits are read from the highest bit of the first byte on, 0 is left |
//! | leaf | `sha256("JMT::LeafNode" ‖ sha256(key) ‖ sha256(value))` |
//! | inner node | `sha256("JMT::IntrnalNode" ‖ left ‖ right)` |
//! | empty subtree | the 32 bytes `"SPARSE_MERKLE_PLACEHOLDER_HASH__"`, unhashed |
//!
//! A subtree at depth `d` is all keys that share the first `d` bits of their path:
//!
//! - with no key it is empty;
//! - with one key it is that key's leaf, whatever its depth (path compression at leaf level);
//! - with more it is an inner node of the two subtrees at depth `d + 1`, one of which may be empty (no compression of
//!   inner nodes).
//!
//! So the root is a function of the set of pairs alone, not of the order of writes. This is the layout of the
//! Jellyfish Merkle tree of the `jmt` crate (which is the oracle of the tests), and [`spec`] describes it to
//! ICS-23 verifiers.
//!
//! Every tree holds one pair more than its module, the sentinel [`SENTINEL`], so that no tree is empty and absence can
//! be proved in a module without keys. Collections have tags of 1 and more, so no collection meets the sentinel's key.
//!
//! A [`Tree`] is immutable and shares what did not change with the tree that it came from; keeping the trees of the
//! last heights costs only their differences. Trees live in memory, about 250 bytes a key, and are built from the flat
//! state at start. Nodes on disk would start faster and take less memory, but each changed key would write its whole
//! path again, with its history; building also checks the whole state against its root at each start.

use std::sync::Arc;

use ics23::{HashOp, InnerSpec, LeafOp, LengthOp, ProofSpec};
use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The pair that every tree holds besides the module's own: one zero byte as key, and the value `tetra`.
pub const SENTINEL: (&[u8], &[u8]) = (&[0], b"tetra");

pub(crate) const LEAF_PREFIX: &[u8] = b"JMT::LeafNode";
pub(crate) const INNER_PREFIX: &[u8] = b"JMT::IntrnalNode";
pub(crate) const EMPTY: Hash = *b"SPARSE_MERKLE_PLACEHOLDER_HASH__";

/// The hash of some bytes.
pub fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

pub(crate) fn hash_parts(parts: [&[u8]; 3]) -> Hash {
    parts.iter().fold(Sha256::new(), |hasher, part| hasher.chain_update(part)).finalize().into()
}

/// How an ICS-23 verifier checks proofs of these trees; equal to `jmt::ics23_spec()`.
pub fn spec() -> ProofSpec {
    ProofSpec {
        leaf_spec: Some(leaf_op()),
        inner_spec: Some(InnerSpec {
            child_order: vec![0, 1],
            child_size: 32,
            min_prefix_length: INNER_PREFIX.len() as i32,
            max_prefix_length: INNER_PREFIX.len() as i32,
            empty_child: EMPTY.to_vec(),
            hash: HashOp::Sha256.into(),
        }),
        max_depth: 64,
        min_depth: 0,
        prehash_key_before_comparison: true,
    }
}

pub(crate) fn leaf_op() -> LeafOp {
    LeafOp {
        hash: HashOp::Sha256.into(),
        prehash_key: HashOp::Sha256.into(),
        prehash_value: HashOp::Sha256.into(),
        length: LengthOp::NoPrefix.into(),
        prefix: LEAF_PREFIX.to_vec(),
    }
}

/// The bit of a path at a depth; `true` leads right.
fn bit(path: &Hash, depth: usize) -> bool {
    path.get(depth / 8).is_some_and(|byte| byte & (0x80 >> (depth % 8)) != 0)
}

#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) path: Hash,
    /// The key itself: a proof of absence names its neighbours.
    pub(crate) key: Box<[u8]>,
    hash: Hash,
}

#[derive(Debug)]
struct Inner {
    hash: Hash,
    left: Node,
    right: Node,
}

#[derive(Clone, Debug, Default)]
enum Node {
    #[default]
    Empty,
    Leaf(Arc<Leaf>),
    Inner(Arc<Inner>),
}

impl Leaf {
    fn new(path: Hash, key: &[u8], value: &[u8]) -> Self {
        Self { path, key: key.into(), hash: hash_parts([LEAF_PREFIX, &path, &sha256(value)]) }
    }
}

impl Node {
    fn count(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Leaf(_) => 1,
            Self::Inner(inner) => inner.left.count().saturating_add(inner.right.count()),
        }
    }

    fn hash(&self) -> Hash {
        match self {
            Self::Empty => EMPTY,
            Self::Leaf(leaf) => leaf.hash,
            Self::Inner(inner) => inner.hash,
        }
    }

    fn inner(left: Self, right: Self) -> Self {
        let hash = hash_parts([INNER_PREFIX, &left.hash(), &right.hash()]);
        Self::Inner(Arc::new(Inner { hash, left, right }))
    }

    /// The subtree over two subtrees: a lone leaf rises.
    fn join(left: Self, right: Self) -> Self {
        match (left, right) {
            (Self::Empty, Self::Empty) => Self::Empty,
            (leaf @ Self::Leaf(_), Self::Empty) | (Self::Empty, leaf @ Self::Leaf(_)) => leaf,
            (left, right) => Self::inner(left, right),
        }
    }

    /// The subtree at `depth` of leaves sorted by path.
    fn build(leaves: &[Arc<Leaf>], depth: usize) -> Self {
        match leaves {
            [] => Self::Empty,
            [leaf] => Self::Leaf(Arc::clone(leaf)),
            _ => {
                let middle = leaves.partition_point(|leaf| !bit(&leaf.path, depth));
                let (left, right) = leaves.split_at(middle);
                Self::inner(Self::build(left, depth + 1), Self::build(right, depth + 1))
            }
        }
    }

    /// The subtree at `depth` after changes sorted by path.
    fn update(&self, changes: &[Change], depth: usize) -> Self {
        if changes.is_empty() {
            return self.clone();
        }
        match self {
            Self::Inner(inner) => {
                let middle = changes.partition_point(|change| !bit(&change.path, depth));
                let (left, right) = changes.split_at(middle);
                Self::join(inner.left.update(left, depth + 1), inner.right.update(right, depth + 1))
            }
            Self::Leaf(leaf) => Self::build(&merged(Some(leaf), changes), depth),
            Self::Empty => Self::build(&merged(None, changes), depth),
        }
    }
}

/// The leaves, sorted by path, that changes leave of at most one leaf.
fn merged(old: Option<&Arc<Leaf>>, changes: &[Change]) -> Vec<Arc<Leaf>> {
    let mut leaves: Vec<Arc<Leaf>> = changes.iter().filter_map(|change| change.leaf.clone()).collect();
    if let Some(old) = old
        && changes.binary_search_by_key(&old.path, |change| change.path).is_err()
    {
        let place = leaves.partition_point(|leaf| leaf.path < old.path);
        leaves.insert(place, Arc::clone(old));
    }
    leaves
}

struct Change {
    path: Hash,
    leaf: Option<Arc<Leaf>>,
}

/// One step from a leaf towards the root: the other child, and on which side it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sibling {
    pub(crate) hash: Hash,
    pub(crate) is_left: bool,
}

/// The tree of one module at one height.
#[derive(Clone, Debug)]
pub struct Tree(Node);

impl Default for Tree {
    /// The tree of a module without keys: the sentinel alone.
    fn default() -> Self {
        let (key, value) = SENTINEL;
        Self(Node::Leaf(Arc::new(Leaf::new(sha256(key), key, value))))
    }
}

impl Tree {
    /// The root hash.
    pub fn root(&self) -> Hash {
        self.0.hash()
    }

    /// How many keys it holds, beside the sentinel. Walks the whole tree.
    pub fn count(&self) -> u64 {
        self.0.count().saturating_sub(1)
    }

    /// The tree after writes: per key the new value, or none where it was removed. Where a key comes twice, the last
    /// write counts. Work: the number of writes times the depth.
    pub fn update<'a>(&self, writes: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>) -> Self {
        let changes = writes.into_iter().map(|(key, value)| {
            let path = sha256(key);
            Change { path, leaf: value.map(|value| Arc::new(Leaf::new(path, key, value))) }
        });
        let mut changes: Vec<Change> = changes.collect();
        // The sort is stable, so reversing first puts the last write of a key before the earlier ones.
        changes.reverse();
        changes.sort_by_key(|change| change.path);
        changes.dedup_by_key(|change| change.path);
        Self(self.0.update(&changes, 0))
    }

    /// The leaf at a path with its siblings from the leaf up, if there is one.
    pub(crate) fn find(&self, path: &Hash) -> Option<(Arc<Leaf>, Vec<Sibling>)> {
        let mut node = &self.0;
        let mut siblings = Vec::new();
        loop {
            match node {
                Node::Inner(inner) => {
                    let is_left = bit(path, siblings.len());
                    let (next, other) = if is_left { (&inner.right, &inner.left) } else { (&inner.left, &inner.right) };
                    siblings.push(Sibling { hash: other.hash(), is_left });
                    node = next;
                }
                Node::Leaf(leaf) if leaf.path == *path => {
                    siblings.reverse();
                    return Some((Arc::clone(leaf), siblings));
                }
                Node::Leaf(_) | Node::Empty => return None,
            }
        }
    }

    /// The leaves just before and just after a path that has no leaf.
    pub(crate) fn neighbours(&self, path: &Hash) -> (Option<Arc<Leaf>>, Option<Arc<Leaf>>) {
        let (mut before, mut after) = (&Node::Empty, &Node::Empty);
        let mut node = &self.0;
        let mut depth = 0;
        while let Node::Inner(inner) = node {
            if bit(path, depth) {
                if !matches!(inner.left, Node::Empty) {
                    before = &inner.left;
                }
                node = &inner.right;
            } else {
                if !matches!(inner.right, Node::Empty) {
                    after = &inner.right;
                }
                node = &inner.left;
            }
            depth += 1;
        }
        match node {
            Node::Leaf(leaf) if leaf.path < *path => before = node,
            Node::Leaf(leaf) if leaf.path > *path => after = node,
            _ => {}
        }
        (outermost(before, true), outermost(after, false))
    }
}

/// Builds the tree of many pairs at once, keeping their hashes only.
#[derive(Default)]
pub(crate) struct Builder(Vec<Arc<Leaf>>);

impl Builder {
    /// Adds a pair; each key comes once.
    pub(crate) fn push(&mut self, key: &[u8], value: &[u8]) {
        self.0.push(Arc::new(Leaf::new(sha256(key), key, value)));
    }

    pub(crate) fn finish(mut self) -> Tree {
        self.push(SENTINEL.0, SENTINEL.1);
        self.0.sort_by_key(|leaf| leaf.path);
        Tree(Node::build(&self.0, 0))
    }
}

/// The last (or first) leaf of a subtree.
fn outermost(mut node: &Node, last: bool) -> Option<Arc<Leaf>> {
    loop {
        node = match node {
            Node::Empty => return None,
            Node::Leaf(leaf) => return Some(Arc::clone(leaf)),
            Node::Inner(inner) => {
                let (near, far) = if last { (&inner.right, &inner.left) } else { (&inner.left, &inner.right) };
                if matches!(near, Node::Empty) { far } else { near }
            }
        };
    }
}
