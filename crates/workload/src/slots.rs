//! Slots: each pod holds one number that is unique on the machine, from which its uid range and
//! its subnet follow.
//!
//! A claim is a file named after the slot that holds the path of the pod's record directory. It
//! counts for as long as that directory exists, so that an agent that died without cleaning up
//! blocks nothing once its data is deleted.

use std::fs::{self, File, OpenOptions};
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use crate::error::{Error, IoContext, Result};

/// Number of slots: as many as there are /24 in 10.128.0.0/10.
pub(crate) const SLOTS: u16 = 16_384;

/// Number of uids and gids in a range.
pub(crate) const UID_RANGE: u32 = 65_536;

/// First uid handed out; the range that systemd reserves for containers starts here.
const FIRST_UID: u32 = 524_288;

/// First uid (and gid) of a slot's range on the host.
pub(crate) fn uid_base(slot: u16) -> u32 {
    FIRST_UID + u32::from(slot) * UID_RANGE
}

/// Addresses of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subnet(u16);

impl Subnet {
    pub(crate) fn of(slot: u16) -> Self {
        Self(slot)
    }

    fn host(self, last: u8) -> Ipv4Addr {
        let [high, low] = self.0.to_be_bytes();
        Ipv4Addr::new(10, 128 + high, low, last)
    }

    /// The host's address on every link of the pod.
    pub(crate) fn gateway(self) -> Ipv4Addr {
        self.host(1)
    }

    /// Address of the replica with this ordinal (0 to 249).
    pub(crate) fn replica(self, ordinal: u8) -> Ipv4Addr {
        self.host(ordinal.saturating_add(2))
    }

    pub(crate) fn cidr(self) -> String {
        format!("{}/24", self.host(0))
    }
}

/// The machine's claims.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    dir: PathBuf,
}

impl Claims {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Claims a slot for the pod whose record directory is `owner` (which must exist). One that it holds already, since
    /// a crash cut its first start off, is taken again.
    pub(crate) fn claim(&self, owner: &Path) -> Result<u16> {
        let _lock = self.lock()?;
        let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
        let digest = Sha256::digest(owner.as_os_str().as_encoded_bytes());
        let start = u16::from_be_bytes([digest[0], digest[1]]) % SLOTS;
        let slot = (0..SLOTS)
            .map(|step| (start + step) % SLOTS)
            .find(|&slot| self.is_held_by(slot, owner) || (self.is_free(slot) && !is_routed(&routes, Subnet::of(slot))))
            .ok_or_else(|| Error::SlotsExhausted { limit: SLOTS, claims: self.dir.clone() })?;
        self.write(slot, owner)?;
        Ok(slot)
    }

    /// Gives back every slot that `owner` holds.
    pub(crate) fn release(&self, owner: &Path) -> Result<()> {
        let _lock = self.lock()?;
        self.release_all(|held_by| held_by == owner)
    }

    fn release_all(&self, of: impl Fn(&Path) -> bool) -> Result<()> {
        let slots = fs::read_dir(&self.dir).at("reading", &self.dir)?.flatten();
        let slots = slots.filter_map(|entry| u16::from_str_radix(entry.file_name().to_str()?, 16).ok());
        for slot in slots.filter(|slot| self.owner(*slot).is_some_and(|owner| of(&owner))) {
            let path = self.path(slot);
            fs::remove_file(&path).at("removing", path)?;
        }
        Ok(())
    }

    /// Gives back every slot that is held by pods whose record directories lie under `data_dir`.
    pub(crate) fn release_below(&self, data_dir: &Path) -> Result<()> {
        let _lock = self.lock()?;
        self.release_all(|owner| owner.starts_with(data_dir))
    }

    /// Number of slots held by pods whose record directories lie under `data_dir`.
    pub(crate) fn count_under(&self, data_dir: &Path) -> usize {
        let Ok(entries) = fs::read_dir(&self.dir) else {
            return 0;
        };
        entries
            .flatten()
            .filter_map(|entry| fs::read_to_string(entry.path()).ok())
            .filter(|owner| Path::new(owner).starts_with(data_dir))
            .count()
    }

    fn is_free(&self, slot: u16) -> bool {
        self.owner(slot).is_none_or(|owner| !owner.exists())
    }

    fn is_held_by(&self, slot: u16, owner: &Path) -> bool {
        self.owner(slot).as_deref() == Some(owner)
    }

    fn owner(&self, slot: u16) -> Option<PathBuf> {
        let text = fs::read_to_string(self.path(slot)).ok()?;
        (!text.is_empty()).then(|| text.into())
    }

    fn write(&self, slot: u16, owner: &Path) -> Result<()> {
        let path = self.path(slot);
        fs::write(&path, owner.as_os_str().as_encoded_bytes()).at("writing", path)
    }

    fn path(&self, slot: u16) -> PathBuf {
        self.dir.join(format!("{slot:04x}"))
    }

    fn lock(&self) -> Result<OwnedFd> {
        fs::create_dir_all(&self.dir).at("making", &self.dir)?;
        let path = self.dir.join("lock");
        let file: File =
            OpenOptions::new().create(true).truncate(false).write(true).open(&path).at("opening", &path)?;
        flock(&file, FlockOperation::LockExclusive).at("locking", path)?;
        Ok(file.into())
    }
}

/// Whether a more specific route than the default one already covers the subnet.
fn is_routed(routes: &str, subnet: Subnet) -> bool {
    let first = u32::from(subnet.host(0));
    routes.lines().skip(1).any(|line| {
        let mut columns = line.split_whitespace();
        // /proc/net/route prints addresses in host byte order.
        let mut word = |n| u32::from_str_radix(columns.nth(n)?, 16).ok().map(u32::swap_bytes);
        match (word(1), word(5)) {
            (Some(destination), Some(mask)) if mask != 0 => {
                let common = mask & 0xffff_ff00;
                destination & common == first & common
            }
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(root: &Path, name: &str) -> PathBuf {
        let path = root.join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn claims_differ_and_come_back() {
        let root = tempfile::tempdir().unwrap();
        let claims = Claims::new(&root.path().join("claims"));
        let (a, b) = (owner(root.path(), "a"), owner(root.path(), "b"));
        let (first, second) = (claims.claim(&a).unwrap(), claims.claim(&b).unwrap());
        assert_ne!(first, second);
        assert_eq!(claims.claim(&a).unwrap(), first, "who claims again after a crash gets the same");
        assert_eq!(claims.count_under(root.path()), 2);
        claims.release(&b).unwrap();
        assert!(!claims.is_free(first) && claims.is_free(second), "only the owner gives back");
        claims.release(&a).unwrap();
        assert_eq!(claims.claim(&a).unwrap(), first);
    }

    #[test]
    fn a_claim_ends_with_its_owner() {
        let root = tempfile::tempdir().unwrap();
        let claims = Claims::new(&root.path().join("claims"));
        let a = owner(root.path(), "a");
        let slot = claims.claim(&a).unwrap();
        assert!(!claims.is_free(slot));
        fs::remove_dir(&a).unwrap();
        assert!(claims.is_free(slot));
    }

    #[test]
    fn ranges_do_not_overlap_and_stay_in_their_block() {
        assert_eq!(uid_base(1) - uid_base(0), UID_RANGE);
        assert!(u64::from(uid_base(SLOTS - 1)) + u64::from(UID_RANGE) < 1_879_048_192);
        assert_eq!(Subnet::of(SLOTS - 1).cidr(), "10.191.255.0/24");
        assert_eq!(Subnet::of(0).replica(249).to_string(), "10.128.0.251");
    }

    #[test]
    fn a_routed_subnet_is_avoided() {
        let routes = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n\
                      eth0\t00000000\t01020304\t3\t0\t0\t0\t00000000\n\
                      eth1\t0000800A\t00000000\t1\t0\t0\t0\t0000FFFF\n";
        assert!(is_routed(routes, Subnet::of(7)));
        assert!(!is_routed(routes, Subnet::of(256)));
    }
}
