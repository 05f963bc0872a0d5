//! The rule of verdicts: what auditors found, and what follows.
//!
//! Each auditor's hashes and statistics are compared with what the node opened ([`pricing::render::audit`]). No single
//! auditor can condemn a node, and no node an auditor:
//!
//! - nobody differs, somebody agrees: the node is honest;
//! - two or more differ, alike, and more than agree: it is wrong;
//! - two or more agree, and more than differ: it is honest, and who differs has accused wrongly;
//! - else more auditors look, once, so many that votes are odd and at least three, or three where hashes were planted; if that
//!   is not possible or does not help, nobody can tell.
//!
//! An auditor of the first round whose hash is one that the node had planted may have copied what the node showed, or may
//! have found that the node planted the truth. So such auditors condemn only beside one whose hashes were not planted; where
//! the node turns out honest, they have copied.

use std::collections::BTreeMap;

use pricing::render::audit::{Counts, Verdict as Comparison, verdict};
use proto::tetra::render::v1::{Audit, AuditedTile, AuditorPart, OpenedTile, ProofParams};

use super::params::{classes, limits};

/// What an auditor found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Every tile is as opened.
    Agrees,
    /// A tile is not as opened.
    Differs,
    /// As `Differs`, by a hash that the node had planted.
    Planted,
    /// The statistics lie between the limits, or nobody measured these classes.
    Unclear,
    /// It could not fetch the scene.
    Declined,
    /// It did not commit, or did not reveal.
    Silent,
}

/// What follows from all findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The node rendered what it committed to.
    Honest,
    /// It did not.
    Wrong,
    /// So many more auditors are needed.
    Again(u32),
    /// Nobody could tell, and nobody was there to be asked.
    Unknown,
}

/// The hash that the node opened for a tile.
fn opened(audit: &Audit, index: u32) -> Option<&OpenedTile> {
    audit.opened.iter().find(|tile| tile.index == index)
}

fn counts(tile: &AuditedTile, opened: &OpenedTile) -> Counts {
    let error = u128::from(tile.error_micros);
    Counts {
        identical: tile.hash == opened.hash,
        values: tile.values,
        differing: tile.differing,
        // The auditor gives the quotient's root in millionths.
        squared_error: error.saturating_mul(error),
        squared_reference: 1_000_000_000_000,
    }
}

/// Compares what an auditor revealed with what the node opened.
pub fn finding(params: &ProofParams, audit: &Audit, part: &AuditorPart) -> Finding {
    if !part.declined.is_empty() {
        return Finding::Declined;
    }
    if part.tiles.is_empty() {
        return Finding::Silent;
    }
    let (own, theirs) = (audit.engine.clone().unwrap_or_default(), part.engine.clone().unwrap_or_default());
    let (relation, limits) = (classes(params, &own, &theirs), limits(params));
    let (mut rejected, mut unclear, mut planted) = (false, false, false);
    for tile in &part.tiles {
        let Some(opened) = opened(audit, tile.index) else {
            unclear = true;
            continue;
        };
        match verdict(&limits, relation, &counts(tile, opened)) {
            Comparison::Accept => {}
            Comparison::Reject => rejected = true,
            Comparison::ThirdOpinion | Comparison::SameClassAuditor => unclear = true,
        }
        planted |= audit.planted.iter().any(|plant| plant.index == tile.index && plant.hash == tile.hash);
    }
    match (rejected, unclear) {
        (true, _) if planted && part.round <= 1 => Finding::Planted,
        (true, _) => Finding::Differs,
        (false, true) => Finding::Unclear,
        (false, false) => Finding::Agrees,
    }
}

/// Votes of an audit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Votes {
    /// Auditors that agree.
    pub agree: u32,
    /// The most that differ alike.
    pub alike: u32,
    /// Whether one of those is beyond doubt of having copied.
    pub own_work: bool,
    /// All that differ.
    pub differ: u32,
    /// Those of them whose hashes the node had planted.
    pub planted: u32,
}

fn votes(params: &ProofParams, audit: &Audit) -> Votes {
    let mut votes = Votes::default();
    // Those of the node's own class are alike when their hashes are; those of other classes reject by statistics.
    let mut alike: BTreeMap<Vec<&[u8]>, (u32, bool)> = BTreeMap::new();
    let (mut others, mut others_own) = (0u32, false);
    for part in &audit.auditors {
        let finding = finding(params, audit, part);
        match finding {
            Finding::Agrees => votes.agree = votes.agree.saturating_add(1),
            Finding::Differs | Finding::Planted => {
                votes.differ = votes.differ.saturating_add(1);
                let own = finding == Finding::Differs;
                votes.planted = votes.planted.saturating_add(u32::from(!own));
                if part.engine == audit.engine {
                    let hashes = part.tiles.iter().map(|tile| tile.hash.as_slice()).collect();
                    let (count, any_own) = alike.entry(hashes).or_default();
                    (*count, *any_own) = (count.saturating_add(1), *any_own || own);
                } else {
                    (others, others_own) = (others.saturating_add(1), others_own || own);
                }
            }
            Finding::Unclear | Finding::Declined | Finding::Silent => {}
        }
    }
    let (most, own) = alike.into_values().max().unwrap_or_default();
    votes.alike = most.saturating_add(others);
    votes.own_work = own || others_own;
    votes
}

/// How many auditors are asked where hashes were planted: enough to outvote two that copied.
const BESIDE_PLANTS: u32 = 3;

/// How many auditors make the number of votes odd, and at least three.
fn to_odd(votes: u32) -> u32 {
    let wanted = votes.saturating_add(1).max(3);
    let wanted = wanted.saturating_add(1 - wanted % 2);
    wanted.saturating_sub(votes)
}

/// Decides by what was found so far.
pub fn decide(params: &ProofParams, audit: &Audit) -> Decision {
    let votes = votes(params, audit);
    if votes.differ == 0 {
        let asked = audit.auditors.iter().map(|part| finding(params, audit, part));
        let unclear = asked.filter(|finding| *finding == Finding::Unclear).count();
        return match (votes.agree, unclear) {
            (0, 0) => Decision::Unknown,
            (0, _) => Decision::Again(to_odd(0)),
            _ => Decision::Honest,
        };
    }
    if votes.alike >= 2 && votes.alike > votes.agree && votes.own_work {
        return Decision::Wrong;
    }
    if votes.agree >= 2 && votes.agree > votes.differ {
        return Decision::Honest;
    }
    let odd = to_odd(votes.agree.saturating_add(votes.differ));
    Decision::Again(if votes.planted > 0 { odd.max(BESIDE_PLANTS) } else { odd })
}

#[cfg(test)]
mod tests {
    use proto::tetra::render::v1::{ClassPair, Engine};

    use super::*;
    use crate::proof::params;

    fn engine(class: &str) -> Option<Engine> {
        Some(Engine { name: "cycles".to_owned(), build: "5.0.1".to_owned(), device_class: class.to_owned() })
    }

    fn audit(planted: &[u8]) -> Audit {
        let tile = |index: u32, hash: u8| OpenedTile { index, hash: vec![hash; 32], path: Vec::new() };
        Audit {
            engine: engine("cpu"),
            opened: vec![tile(3, 1), tile(5, 2)],
            planted: planted.iter().map(|hash| tile(5, *hash)).collect(),
            ..Audit::default()
        }
    }

    fn part(class: &str, hash: u8, round: u32) -> AuditorPart {
        let tile = |index, hash: u8| AuditedTile { index, hash: vec![hash; 32], ..AuditedTile::default() };
        AuditorPart { engine: engine(class), tiles: vec![tile(3, 1), tile(5, hash)], round, ..AuditorPart::default() }
    }

    fn decided(planted: &[u8], parts: &[(u8, u32)]) -> Decision {
        let auditors = parts.iter().map(|(hash, round)| part("cpu", *hash, *round)).collect();
        decide(&params::default(), &Audit { auditors, ..audit(planted) })
    }

    #[test]
    fn nobody_decides_alone() {
        assert_eq!(decided(&[], &[]), Decision::Unknown);
        assert_eq!(decided(&[], &[(2, 1)]), Decision::Honest);
        assert_eq!(decided(&[], &[(9, 1)]), Decision::Again(2));
        assert_eq!(decided(&[], &[(9, 1), (2, 1)]), Decision::Again(1));
        assert_eq!(decided(&[], &[(9, 1), (9, 1)]), Decision::Wrong);
        assert_eq!(decided(&[], &[(9, 1), (8, 1)]), Decision::Again(1));
        assert_eq!(decided(&[], &[(9, 1), (2, 1), (2, 2)]), Decision::Honest);
        assert_eq!(decided(&[], &[(9, 1), (2, 1), (9, 2)]), Decision::Wrong);
        // Two that agree against two that differ, each in another way.
        assert_eq!(decided(&[], &[(9, 1), (2, 1), (8, 2), (2, 2)]), Decision::Again(1));
    }

    #[test]
    fn planted_hashes_condemn_nobody() {
        // Both copied what the node showed.
        assert_eq!(decided(&[9], &[(9, 1), (9, 1)]), Decision::Again(3));
        assert_eq!(decided(&[9], &[(9, 1), (9, 1), (2, 2), (2, 2), (2, 2)]), Decision::Honest);
        assert_eq!(decided(&[9], &[(9, 1), (2, 1), (2, 2)]), Decision::Honest);
        // The node planted the truth, which the second round finds as well.
        assert_eq!(decided(&[9], &[(9, 1), (9, 1), (9, 2)]), Decision::Wrong);
    }

    #[test]
    fn other_classes_count_by_statistics_where_they_were_measured() {
        let cross = |differing, params: &ProofParams| {
            let mut other = part("gpu", 9, 1);
            other.tiles[1].differing = differing;
            other.tiles[1].values = 1_000_000;
            finding(params, &audit(&[]), &other)
        };
        let unmeasured = params::default();
        assert_eq!(cross(900_000, &unmeasured), Finding::Unclear);
        let pair = ClassPair { left: "gpu".to_owned(), right: "cpu".to_owned() };
        let measured = ProofParams { pairs: vec![pair], ..params::default() };
        assert_eq!(cross(30, &measured), Finding::Agrees);
        assert_eq!(cross(20_000, &measured), Finding::Unclear);
        assert_eq!(cross(315_000, &measured), Finding::Differs);
        // Of a class that nobody measured, nobody is condemned.
        let auditors = vec![part("gpu", 9, 1), part("tpu", 9, 1)];
        assert_eq!(decide(&unmeasured, &Audit { auditors, ..audit(&[]) }), Decision::Again(3));
    }
}
