//! The user a container runs as: numbers, or names from the image's own passwd and group files.

use std::io::Read;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::slots::UID_RANGE;

/// Numbers inside of the container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) additional_gids: Vec<u32>,
    pub(crate) home: Option<String>,
}

/// Resolves an image's `user[:group]` in the tree at `root`.
pub(crate) fn resolve(root: &Path, text: &str) -> Result<User> {
    let passwd = read_inside(root, "etc/passwd");
    let group = read_inside(root, "etc/group");
    resolve_in(&passwd, &group, text)
}

fn resolve_in(passwd: &str, group: &str, text: &str) -> Result<User> {
    let (user, wanted_group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    let user = if user.is_empty() { "0" } else { user };
    let entry = passwd
        .lines()
        .map(fields)
        .find(|fields| fields.first() == Some(&user) || (is_number(user) && fields.get(2) == Some(&user)));
    let entry = entry.unwrap_or_default();
    let uid = match (is_number(user), entry.get(2)) {
        (true, _) => user,
        (false, Some(uid)) => uid,
        (false, None) => return Err(unknown(text, "user", user)),
    };
    let gid = match wanted_group {
        Some(name) => group_id(group, name).ok_or_else(|| unknown(text, "group", name))?,
        None => entry.get(3).copied().unwrap_or("0"),
    };
    // An explicit group replaces the user's additional ones, as container engines do.
    let name = entry.first().copied().filter(|_| wanted_group.is_none());
    let additional_gids = match name {
        Some(name) => member_of(group, name).iter().map(|id| number(text, id)).collect::<Result<_>>()?,
        None => Vec::new(),
    };
    Ok(User {
        uid: number(text, uid)?,
        gid: number(text, gid)?,
        additional_gids,
        home: entry.get(5).map(|home| (*home).to_owned()).filter(|home| !home.is_empty()),
    })
}

fn group_id<'a>(group: &'a str, name: &'a str) -> Option<&'a str> {
    if is_number(name) {
        return Some(name);
    }
    let mut groups = group.lines().map(fields);
    groups.find(|fields| fields.first() == Some(&name))?.get(2).copied()
}

fn member_of<'a>(group: &'a str, user: &str) -> Vec<&'a str> {
    group
        .lines()
        .map(fields)
        .filter(|fields| fields.get(3).is_some_and(|members| members.split(',').any(|m| m == user)))
        .filter_map(|fields| fields.get(2).copied())
        .collect()
}

fn fields(line: &str) -> Vec<&str> {
    line.trim().split(':').collect()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn number(text: &str, id: &str) -> Result<u32> {
    let id_in_range = id.parse().ok().filter(|id| *id < UID_RANGE);
    id_in_range.ok_or_else(|| Error::image(format!("user `{text}`"), format!("id {id} is not below {UID_RANGE}")))
}

fn unknown(text: &str, what: &str, name: &str) -> Error {
    Error::image(format!("user `{text}`"), format!("the image has no {what} `{name}`"))
}

/// Text of a file of the image, symbolic links resolved inside of it; empty where there is none.
fn read_inside(root: &Path, path: &str) -> String {
    const LIMIT: u64 = 1 << 20;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let mut text = Vec::new();
    let opened = openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())
        .and_then(|root| openat2(&root, path, flags, Mode::empty(), resolve));
    if let Ok(file) = opened {
        let file = std::fs::File::from(file);
        let is_file = file.metadata().is_ok_and(|meta| meta.is_file());
        let read = is_file.then(|| file.take(LIMIT).read_to_end(&mut text));
        if !matches!(read, Some(Ok(_))) {
            return String::new();
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:44::/var/www:/bin/false\n";
    const GROUP: &str = "root:x:0:\nwww:x:44:\nlog:x:55:root,web\n";

    fn ids(text: &str) -> (u32, u32, Vec<u32>) {
        let user = resolve_in(PASSWD, GROUP, text).unwrap();
        (user.uid, user.gid, user.additional_gids)
    }

    #[test]
    fn names_and_numbers() {
        assert_eq!(ids(""), (0, 0, vec![55]));
        assert_eq!(ids("web"), (33, 44, vec![55]));
        assert_eq!(ids("33"), (33, 44, vec![55]));
        assert_eq!(ids("web:log"), (33, 55, vec![]));
        assert_eq!(ids("1000:1000"), (1000, 1000, vec![]));
        assert_eq!(ids("1000"), (1000, 0, vec![]));
    }

    #[test]
    fn unknown_names_and_large_numbers_are_refused() {
        for text in ["nobody-here", "web:nogroup", "70000", "99999999999"] {
            assert!(resolve_in(PASSWD, GROUP, text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_link_cannot_show_the_hosts_files() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.path().join("etc/passwd")).unwrap();
        assert_eq!(read_inside(root.path(), "etc/passwd"), "");
    }
}
