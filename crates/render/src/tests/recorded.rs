//! Cheats by real pixels, as `farm`'s test `cheats` recorded them.

use std::sync::LazyLock;

const RECORD: &str = include_str!("pixels.csv");

/// A tile of a frame that was committed to, and as an auditor rendered it.
pub(super) struct Tile {
    pub(super) committed: [u8; 32],
    pub(super) audited: [u8; 32],
}

/// A way to render a frame.
pub(super) struct Case {
    pub(super) scene: &'static str,
    pub(super) kind: &'static str,
    pub(super) tiles: Vec<Tile>,
}

impl Case {
    /// Tiles that an auditor finds to be others.
    pub(super) fn wrong(&self) -> u32 {
        self.tiles.iter().filter(|tile| tile.committed != tile.audited).count() as u32
    }
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let mut cases: Vec<Case> = Vec::new();
    for line in RECORD.lines().skip(2) {
        let parts: Vec<&'static str> = line.split(',').collect();
        let hash = |place: usize| hex::decode(parts[place]).unwrap().try_into().unwrap();
        if cases.last().is_none_or(|case| (case.scene, case.kind) != (parts[0], parts[1])) {
            cases.push(Case { scene: parts[0], kind: parts[1], tiles: Vec::new() });
        }
        cases.last_mut().unwrap().tiles.push(Tile { committed: hash(3), audited: hash(4) });
    }
    cases
});

pub(super) fn cases() -> &'static [Case] {
    &CASES
}

#[test]
fn the_record_is_whole() {
    assert_eq!(cases().len(), 15);
    assert!(cases().iter().all(|case| case.tiles.len() == 16));
    assert_eq!(cases().iter().filter(|case| case.wrong() == 0).count(), 2);
}
