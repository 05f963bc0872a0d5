//! What creators do with frames and jobs: look, refuse, approve, fetch, fund, cancel, keep silent; and what everybody gets.

use std::process::Stdio;

use serde_json::Value;

use super::stage::{Stage, amount, one_thread, patiently, small};

const SMALL: [&str; 8] = ["--frames", "1-2", "--work", "0.5", "--credits", "2", "--grid", "3x2"];

#[test]
fn frames_are_seen_refused_rendered_again_and_paid_once() {
    let Some(stage) = Stage::start(2, &small(), &one_thread()) else { return };
    let net = &stage.net;
    let job = stage.submit(&SMALL);
    let (pictures, files) = (stage.folder.path().join("pictures"), stage.folder.path().join("files"));
    let last = pictures.join("last");
    let (pictures, files) = (pictures.display().to_string(), files.display().to_string());

    // Pictures under a watermark come while it renders; files do not.
    let seen = net.json(&["render", "download", &job, "--previews", "--watch", "--to", &pictures]);
    assert_eq!(seen["files"].as_array().unwrap().len(), 2, "{seen:#}");
    assert!(["large.jpg", "page.jpg", "list.jpg"].iter().all(|name| last.join(name).is_file()));
    stage.until_all(&job, "review");
    let said = String::from_utf8(net.run(&["render", "download", &job, "--to", &files]).stderr).unwrap();
    assert!(said.contains("no frame") && said.contains("approve"), "{said}");

    // Another node renders a refused frame, at no charge.
    let before = stage.frames(&job);
    let first = before[0]["number"].to_string();
    net.json(&["render", "reject", &job, "--frames", &first, "--reason", "too dark", "--yes"]);
    stage.until_all(&job, "review");
    let after = stage.frames(&job);
    assert_ne!(after[0]["node"], before[0]["node"], "{after:#?}");
    assert!(after[0]["history"].to_string().contains("too dark"), "{:#}", after[0]);
    assert_eq!(stage.job(&job)["spent_ucredits"], 0);
    stage.money(&[&job]);

    // More is set aside, a ceiling is set; one frame is approved, the job is cancelled, the other one is refused for good.
    let locked = stage.job(&job)["locked_ucredits"].as_u64().unwrap();
    net.json(&["render", "fund", &job, "1", "--ceiling", "5", "--yes"]);
    let funded = stage.job(&job);
    assert_eq!(
        (&funded["locked_ucredits"], &funded["ceiling_ucredits"]),
        (&(locked + 1_000_000).into(), &5_000_000.into())
    );
    net.json(&["render", "approve", &job, "--frames", &first, "--yes"]);
    net.json(&["render", "cancel", &job, "--yes"]);
    let second = after[1]["number"].to_string();
    net.json(&["render", "reject", &job, "--frames", &second, "--reason", "not needed", "--yes"]);
    let ended = stage.job(&job);
    assert_eq!((&ended["state"], &ended["locked_ucredits"]), (&"cancelled".into(), &0.into()), "{ended:#}");
    stage.money(&[&job]);
    let fetched = net.json(&["render", "download", &job, "--to", &files]);
    assert_eq!(fetched["files"].as_array().unwrap().len(), 1, "{fetched:#}");
    net.fails(3, &["render", "approve", &job, "--frames", "99", "--yes"]);

    // What closed epochs owe for it is paid to owners of nodes.
    let epoch = net.json(&["render", "epoch"])["number"].as_u64().unwrap();
    patiently("the next epoch", || {
        let open = net.json(&["render", "epoch"])["number"].take();
        if open.as_u64().unwrap() > epoch { Ok(()) } else { Err(open) }
    });
    let mut minted = 0;
    for number in 1..=epoch {
        let closed = net.json(&["render", "epoch", &number.to_string()]);
        let work = amount(&closed["minted_work"]);
        assert!(work <= amount(&closed["pool_base"]) && closed["anomaly"] == "", "{closed:#}");
        minted += work;
    }
    assert!(minted > 0);
    let owed: u128 = ["provider1", "provider2"]
        .into_iter()
        .map(|who| {
            let owed = amount(&net.json(&["render", "rewards", "--from", who])["owed"]);
            if owed > 0 {
                net.json(&["render", "rewards", "--claim", "--from", who, "--yes"]);
            }
            assert_eq!(amount(&net.json(&["render", "rewards", "--from", who])["owed"]), 0);
            owed
        })
        .sum();
    assert!(owed >= minted, "{owed} of {minted}");
    stage.money(&[&job]);
}

#[test]
fn silence_approves_and_a_download_goes_on_where_it_was_cut() {
    let Some(stage) = Stage::start(2, &small(), &one_thread()) else { return };
    let net = &stage.net;
    stage.set(&["approval_ms=2000"]);
    let job = stage.submit(&SMALL);
    stage.until_all(&job, "approved");
    let done = stage.job(&job);
    assert_eq!((&done["state"], &done["locked_ucredits"]), (&"done".into(), &0.into()), "{done:#}");
    stage.money(&[&job]);

    let target = stage.folder.path().join("frames");
    let to = target.display().to_string();
    let download = ["render", "download", &job, "--to", &to];
    // Killed when the first file is there; the other is half of itself, as a death in the middle leaves it.
    let mut child = net.command(&download).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let there = || target.join("0001.png").exists();
    patiently("the first file", || if there() { Ok(()) } else { Err(Value::Null) });
    let _ = child.kill();
    child.wait().unwrap();
    for name in ["0002.png", "0002.part"] {
        let _ = std::fs::remove_file(target.join(name));
    }
    let whole = stage.folder.path().join("whole");
    net.json(&["render", "download", &job, "--to", whole.to_str().unwrap()]);
    let second = std::fs::read(whole.join("0002.png")).unwrap();
    std::fs::write(target.join("0002.part"), &second[..second.len() / 2]).unwrap();
    let rest = net.json(&download);
    let files = rest["files"].as_array().unwrap().len();
    assert_eq!(files, 2, "{rest:#}");
    assert_eq!(rest["moved_bytes"], second.len() - second.len() / 2, "only what was missing is moved");
    let pngs = std::fs::read_dir(&target).unwrap().flatten().map(|entry| entry.path());
    let pngs: Vec<Vec<u8>> = pngs
        .filter(|path| path.extension().is_some_and(|kind| kind == "png"))
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    assert!(pngs.len() == 2 && pngs.iter().all(|png| png.starts_with(b"\x89PNG")), "{target:?}");
    assert_eq!(net.json(&download)["moved_bytes"], 0);
    stage.clean();
}
