//! The endpoints of render nodes, over TLS, with a render desk that only remembers.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use client::gateway::GatewayError;
use client::render::{Offered, RenderStatus, Trial, TrialAsk, TrialTile, UnitPath};
use client::token;
use farm::Digest;
use provider::gateway::Limits;
use provider::render::desk::{Finished, RenderDesk, RenderRefusal};
use serde_json::json;

use crate::desk::{PROVIDER, Running, address, key};

/// One scene of one chunk, one file; account 1 is the creator of everything.
#[derive(Default)]
struct FakeRenders {
    folder: Option<tempfile::TempDir>,
    chunks: Mutex<Vec<(Digest, Digest, Vec<u8>)>>,
}

fn only_one(caller: &str) -> Result<(), RenderRefusal> {
    match caller == address(1) {
        true => Ok(()),
        false => Err(RenderRefusal::Forbidden(format!("not for {caller}"))),
    }
}

#[async_trait]
impl RenderDesk for FakeRenders {
    async fn offer(&self, _: &str, manifest: &[u8]) -> Result<Offered, RenderRefusal> {
        match manifest {
            b"large" => Err(RenderRefusal::TooLarge("the scene is too large".to_owned())),
            b"full" => Err(RenderRefusal::NoRoom("no room".to_owned())),
            _ => {
                Ok(Offered { manifest: Digest::of(manifest).to_string(), missing: vec![Digest::of(b"c").to_string()] })
            }
        }
    }

    async fn put_chunk(&self, manifest: Digest, chunk: Digest, bytes: &[u8]) -> Result<(), RenderRefusal> {
        if Digest::of(bytes) != chunk {
            return Err(RenderRefusal::Malformed("another chunk's bytes".to_owned()));
        }
        self.chunks.lock().unwrap().push((manifest, chunk, bytes.to_vec()));
        Ok(())
    }

    async fn trial(&self, caller: &str, _: Digest, ask: TrialAsk) -> Result<Trial, RenderRefusal> {
        only_one(caller)?;
        let [frame] = ask.frames.as_slice() else { return Err(RenderRefusal::Busy("later".to_owned())) };
        Ok(Trial {
            frame: *frame,
            width: 64,
            height: 36,
            tiles: vec![TrialTile { seconds: 0.5, pixels: 60 }],
            first_seconds: 0.25,
            benchmark_seconds: 2.0,
            engine: "blender".to_owned(),
            device_class: ask.overrides,
        })
    }

    async fn scene(&self, caller: &str, _: Digest) -> Result<Vec<u8>, RenderRefusal> {
        only_one(caller).map(|()| b"manifest".to_vec())
    }

    async fn chunk(&self, caller: &str, _: Digest, chunk: Digest) -> Result<Vec<u8>, RenderRefusal> {
        only_one(caller)?;
        let chunks = self.chunks.lock().unwrap();
        let found = chunks.iter().find(|(_, id, _)| *id == chunk);
        found.map(|(_, _, bytes)| bytes.clone()).ok_or_else(|| RenderRefusal::NotFound("no such chunk".to_owned()))
    }

    async fn preview(&self, caller: &str, unit: &UnitPath, width: u32) -> Result<Vec<u8>, RenderRefusal> {
        only_one(caller).map(|()| format!("{unit} {width}").into_bytes())
    }

    async fn file(&self, caller: &str, unit: &UnitPath) -> Result<Finished, RenderRefusal> {
        only_one(caller)?;
        if unit.index > 0 {
            return Err(RenderRefusal::Unpaid("it waits for approval".to_owned()));
        }
        let folder = self.folder.as_ref().unwrap().path();
        Ok(Finished { path: folder.join("file"), name: "0001.png".to_owned() })
    }

    async fn tile(&self, caller: &str, _: &UnitPath, attempt: u32, tile: u32) -> Result<Vec<u8>, RenderRefusal> {
        only_one(caller).map(|()| format!("{attempt} {tile}").into_bytes())
    }

    async fn status(&self, caller: &str) -> Result<RenderStatus, RenderRefusal> {
        only_one(caller).map(|()| RenderStatus { state: "ready".to_owned(), ..RenderStatus::default() })
    }
}

async fn start(file: &[u8]) -> Running {
    let running = Running::start(Limits::default()).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), file).unwrap();
    let renders = FakeRenders { folder: Some(folder), ..FakeRenders::default() };
    running.desk.0.lock().unwrap().renders = Some(Arc::new(renders));
    running
}

fn unit(index: u32) -> UnitPath {
    UnitPath { creator: address(1), jseq: 7, index }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, GatewayError>, wanted: u16) {
    let error = outcome.unwrap_err();
    assert!(matches!(error, GatewayError::Refused { status, .. } if status == wanted), "{wanted}: {error}");
}

#[tokio::test]
async fn tiles_of_a_scene_are_tried() {
    let running = start(b"").await;
    let scene = Digest::of(b"manifest").to_string();
    let ask = |frames: &[u32]| TrialAsk { frames: frames.to_vec(), overrides: "{}".to_owned() };
    let trial = running.tenant(1).trial(&scene, &ask(&[7])).await.unwrap();
    assert_eq!((trial.frame, trial.tiles[0].pixels, trial.device_class.as_str()), (7, 60, "{}"));
    refused(running.tenant(1).trial(&scene, &ask(&[1, 2])).await, 429);
    refused(running.tenant(2).trial(&scene, &ask(&[7])).await, 403);
    refused(running.tenant(1).trial("no", &ask(&[7])).await, 400);
}

#[tokio::test]
async fn scenes_go_up_and_are_had_by_whom_the_desk_lets() {
    let running = start(b"").await;
    let (own, other) = (running.tenant(1), running.tenant(2));
    let offered = own.offer_scene(b"manifest".to_vec()).await.unwrap();
    let chunk = Digest::of(b"c").to_string();
    assert_eq!(
        (offered.manifest.as_str(), offered.missing.as_slice()),
        (Digest::of(b"manifest").to_string().as_str(), [chunk.clone()].as_slice())
    );
    let name = offered.manifest;
    refused(own.put_chunk(&name, &chunk, b"d".to_vec()).await, 422);
    refused(own.put_chunk(&name, "c", b"c".to_vec()).await, 400);
    own.put_chunk(&name, &chunk, b"c".to_vec()).await.unwrap();
    assert_eq!(own.chunk(&name, &chunk, 10).await.unwrap(), b"c");
    assert_eq!(own.scene(&name, 10).await.unwrap(), b"manifest");
    assert!(matches!(own.scene(&name, 4).await, Err(GatewayError::Garbled { .. })));
    refused(other.scene(&name, 10).await, 403);
    refused(other.chunk(&name, &chunk, 10).await, 403);
    refused(own.offer_scene(b"large".to_vec()).await, 413);
    refused(own.offer_scene(b"full".to_vec()).await, 507);
}

#[tokio::test]
async fn files_come_from_any_byte_on_once_they_are_paid() {
    let content: Vec<u8> = (0..700_000u32).map(|n| (n % 251) as u8).collect();
    let running = start(&content).await;
    let own = running.tenant(1);
    for from in [0u64, 1, 262_144, 699_999] {
        let mut download = own.unit_file(&unit(0), from).await.unwrap();
        assert_eq!((download.total, download.from, download.name.as_str()), (700_000, from, "0001.png"));
        let mut bytes = Vec::new();
        while let Some(piece) = download.piece().await.unwrap() {
            bytes.extend(piece);
        }
        assert!(bytes == content[from as usize..], "from {from}: {} bytes", bytes.len());
    }
    refused(own.unit_file(&unit(0), 700_000).await.map(|download| download.total), 416);
    refused(own.unit_file(&unit(1), 0).await.map(|download| download.total), 402);
    refused(running.tenant(2).unit_file(&unit(0), 0).await.map(|download| download.total), 403);
}

#[tokio::test]
async fn previews_tiles_and_status_reach_the_desk() {
    let running = start(b"").await;
    let own = running.tenant(1);
    let preview = own.preview(&unit(3), 320).await.unwrap();
    assert_eq!(String::from_utf8(preview).unwrap(), format!("jobs/{}/7/units/3 320", address(1)));
    refused(own.preview(&unit(3), 0).await, 400);
    assert_eq!(own.tile(&unit(3), 2, 5, 10).await.unwrap(), b"2 5");
    assert_eq!(own.render_status().await.unwrap().state, "ready");
    refused(running.tenant(2).render_status().await, 403);
}

#[tokio::test]
async fn only_a_token_that_permits_everything_is_enough() {
    let running = start(b"").await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let with = |leases: serde_json::Value| {
        let claims =
            json!({ "iss": address(1), "iat": now, "nbf": now, "exp": now + 60, "version": "v1", "leases": leases });
        running.with_token(&token::signed(&key(1), &claims))
    };
    let scoped = with(json!({ "access": "scoped", "scope": ["status", "send-manifest"] }));
    refused(scoped.render_status().await, 401);
    let permissions = json!([{ "access": "full", "provider": address(PROVIDER) }]);
    with(json!({ "access": "granular", "permissions": permissions })).render_status().await.unwrap();
    let elsewhere = json!([{ "access": "full", "provider": address(2) }]);
    refused(with(json!({ "access": "granular", "permissions": elsewhere })).render_status().await, 401);
    refused(running.with(client::Auth::None).render_status().await, 400);
}

#[tokio::test]
async fn a_provider_that_renders_nothing_says_so() {
    let running = Running::start(Limits::default()).await;
    refused(running.tenant(1).render_status().await, 404);
}
