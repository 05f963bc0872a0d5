//! What the engine delivers is what Blender makes of the same file by hand: to the bit, but for what denoisers round.

mod common;

use std::path::Path;
use std::time::Instant;

use common::{Stage, work};
use farm::engine::{Format, Options, RenderEngine, Rendered, Work};
use farm::pixels::{Buffers, Channel, Commitment, DecodedImage, Rect, TileGrid, compare, read_exr, read_image};
use farm::scenes::Demo;

fn image(path: &Path) -> DecodedImage {
    read_image(std::fs::File::open(path).unwrap()).unwrap()
}

/// Renders by hand and by the engine.
async fn both(stage: &Stage, scene: &Path, frame: u32, extension: &str) -> (DecodedImage, Rendered, DecodedImage) {
    let hand = stage.path(&format!("hand{frame}"));
    stage.script("by_hand.py", &[scene, Path::new(&frame.to_string()), &hand]);
    let hand = image(&hand.with_extension(extension));
    let work = work(scene, frame);
    let begin = Instant::now();
    let rendered = stage.engine.render(&work, None, &|_| {}).await.unwrap();
    let buffers = begin.elapsed();
    let files = stage.engine.finish(&work, &rendered, &stage.path("out"), &|_| {}).await.unwrap();
    let (render, load) = (rendered.seconds, rendered.load_seconds);
    println!("render {render:.2} s, load {load:.2} s, buffers {buffers:.1?}, all {:.1?}", begin.elapsed());
    assert_eq!(files, [stage.path("out").join(format!("frame.{extension}"))]);
    (hand, rendered, image(&files[0]))
}

/// Names of the channels that differ in a bit.
fn apart(hand: &Buffers, ours: &Buffers) -> Vec<String> {
    assert_eq!(hand.names(), ours.names());
    let differs =
        |(a, b): &(&Channel, &Channel)| a.pixels.iter().zip(&b.pixels).any(|(a, b)| a.to_bits() != b.to_bits());
    hand.channels().iter().zip(ours.channels()).filter(differs).map(|(a, _)| a.name.clone()).collect()
}

#[tokio::test]
async fn whole_frames_and_tiles_are_those_of_blender_by_hand() {
    let Some(stage) = Stage::new().await else { return };
    let scene = stage.demo(&Demo::small()).await;
    let (by_hand, whole, ours) = both(&stage, &scene, 5, "png").await;
    assert!(by_hand == ours, "pixels differ");

    // At boundaries that no power of two divides.
    let grid = TileGrid::new(160, 90, 107, 61).unwrap();
    let mut tiles = Vec::new();
    for rect in grid.rects() {
        let tile = stage.engine.render(&work(&scene, 5), Some(rect), &|_| {}).await.unwrap();
        assert!(tile.buffers.identical(&whole.buffers.crop(rect).unwrap()), "{rect:?}");
        tiles.push(tile);
    }
    tiles.reverse();
    let merged = Rendered::merge(tiles).unwrap();
    assert!(merged.buffers.identical(&whole.buffers));
    let files = stage.engine.finish(&work(&scene, 5), &merged, &stage.path("merged"), &|_| {}).await.unwrap();
    assert!(image(&files[0]) == by_hand);

    // What is committed to does not depend on the threads, and tells frames and samples apart.
    let grid = TileGrid::new(160, 90, 32, 32).unwrap();
    let root = |rendered: &Rendered| Commitment::to(&rendered.buffers, grid).unwrap().root();
    let render = async |work: &Work| stage.engine.render(work, None, &|_| {}).await.unwrap();
    let one = Work { threads: Some(1), ..work(&scene, 5) };
    assert_eq!(root(&render(&one).await), root(&whole));
    let cheat = Options { samples: Some(7), ..Options::default() };
    let cheat = render(&Work { options: cheat, ..work(&scene, 5) }).await;
    assert_ne!(root(&cheat), root(&whole));
    let compared = farm::pixels::compare(&whole.buffers, &cheat.buffers).unwrap();
    println!("7 of 8 samples: {compared:?}");
    assert_eq!(compared.judge(&Default::default()), farm::pixels::Verdict::Rejected);
}

#[tokio::test]
async fn passes_and_a_composited_frame_are_those_of_blender_by_hand() {
    let Some(stage) = Stage::new().await else { return };
    let demo = Demo { passes: true, composite: true, adaptive: true, samples: 7, ..Demo::small() };
    let scene = stage.demo(&Demo { format: Format::ExrMultilayer, ..demo }).await;
    let (hand, rendered, ours) = both(&stage, &scene, 9, "exr").await;
    let (DecodedImage::Float(hand), DecodedImage::Float(ours)) = (hand, ours) else { panic!("no EXR") };
    assert_eq!(apart(&hand, &ours), [""; 0]);
    assert_eq!(rendered.denoised, [""; 0]);
    assert!(ours.channel("Composite.Combined.R").is_some() && ours.channel("ViewLayer.CryptoObject00.r").is_some());

    // Cryptomatte's manifest, without which nobody finds an object, is in the file as well.
    let file = std::fs::File::open(stage.path("out/frame.exr")).unwrap();
    let (_, texts) = read_exr(file, 160, 90, ours.rect()).unwrap();
    let manifest = texts.iter().find(|(name, _)| name.starts_with("cryptomatte/") && name.ends_with("/manifest"));
    assert!(manifest.is_some_and(|(_, text)| text.contains("\"Ball\"")), "{texts:?}");
}

/// Denoising from buffers gives what a render with its denoiser on gives, up to rounding: see `planes.rs`.
#[tokio::test]
async fn a_denoised_frame_is_replayed_from_its_buffers() {
    let Some(stage) = Stage::new().await else { return };
    let demo = Demo { denoise: true, passes: true, format: Format::ExrMultilayer, ..Demo::small() };
    let scene = stage.demo(&demo).await;
    let (hand, rendered, ours) = both(&stage, &scene, 9, "exr").await;
    assert_eq!(rendered.denoised, ["ViewLayer"]);
    let (DecodedImage::Float(hand), DecodedImage::Float(ours)) = (hand, ours) else { panic!("no EXR") };
    let name = "ViewLayer.Combined.R";
    let (noisy, clean) = (rendered.buffers.channel(name).unwrap(), ours.channel(name).unwrap());
    assert_ne!(noisy.pixels, clean.pixels, "the denoiser did nothing");
    let differing = apart(&hand, &ours);
    assert!(differing.iter().all(|name| name.contains(".Combined.")), "{differing:?}");
    let compared = compare(&hand, &ours).unwrap();
    println!("{compared:?}");
    assert!(compared.differing_8bit < 1e-3 && compared.relative_rmse < 1e-5, "{compared:?}");
    // What is replayed is replayed to the same.
    let again = stage.engine.finish(&work(&scene, 9), &rendered, &stage.path("again"), &|_| {}).await.unwrap();
    let DecodedImage::Float(again) = image(&again[0]) else { panic!("no EXR") };
    assert_eq!(apart(&again, &ours), [""; 0]);
}

#[tokio::test]
async fn a_benchmark_is_raw_seconds() {
    let Some(stage) = Stage::new().await else { return };
    let device = Default::default();
    let measured = farm::scenes::benchmark(&stage.engine, &stage.program, device, 1, &|_| {}).await.unwrap();
    println!("{measured:?} on {}", farm::DeviceClass::of_cpu());
    assert_eq!((measured.seconds.len(), &measured.engine), (1, stage.engine.build()));
    assert!((measured.units_an_hour * measured.seconds[0] - 18_000.0).abs() < 1e-6);
}

#[tokio::test]
async fn options_change_what_they_name() {
    let Some(stage) = Stage::new().await else { return };
    let scene = stage.demo(&Demo::small()).await;
    let options = Options {
        width: Some(64),
        height: Some(48),
        samples: Some(2),
        camera: Some("Above".to_owned()),
        denoise: Some(true),
        format: Some(Format::Jpeg),
        layers: Some(vec!["ViewLayer".to_owned()]),
        ..Options::default()
    };
    let above = Work { options, ..work(&scene, 1) };
    let rendered = stage.engine.render(&above, None, &|_| {}).await.unwrap();
    assert_eq!(rendered.denoised, ["ViewLayer"]);
    let files = stage.engine.finish(&above, &rendered, &stage.path("out"), &|_| {}).await.unwrap();
    assert_eq!(files, [stage.path("out/frame.jpg")]);
    assert_eq!(image(&files[0]).size(), (64, 48));
    let wrong = |options| Work { options, ..work(&scene, 1) };
    let refused = async |options| stage.engine.render(&wrong(options), None, &|_| {}).await.unwrap_err().to_string();
    let camera = Options { camera: Some("Ball".to_owned()), ..Options::default() };
    assert_eq!(refused(camera).await, "there is no camera Ball");
    let layers = Options { layers: Some(vec!["fg".to_owned()]), ..Options::default() };
    assert_eq!(refused(layers).await, "there is no view layer fg; there are ViewLayer");
}

/// A process that stays gives the same bits as a new one for each frame, in any order, tiles between frames, and after a file of
/// the same name was replaced; nothing stays when it is let go.
#[tokio::test]
async fn a_kept_process_renders_what_a_new_one_does() {
    let Some(stage) = Stage::new().await else { return };
    let scene = stage.demo(&Demo { denoise: true, composite: true, ..Demo::small() }).await;
    let kept = stage.engine.keeping();
    let tile = Rect { x: 3, y: 5, width: 20, height: 11 };
    for (frame, region) in [(3, None), (1, None), (2, Some(tile)), (3, None)] {
        let work = work(&scene, frame);
        let fresh = stage.engine.render(&work, region, &|_| {}).await.unwrap();
        let again = kept.render(&work, region, &|_| {}).await.unwrap();
        assert_eq!(apart(&fresh.buffers, &again.buffers), Vec::<String>::new());
        if region.is_none() {
            let (one, other) = (stage.path("fresh"), stage.path("kept"));
            let made = stage.engine.finish(&work, &fresh, &one, &|_| {}).await.unwrap();
            let same = kept.finish(&work, &again, &other, &|_| {}).await.unwrap();
            assert_eq!((made.len(), same.len()), (1, 1), "files of earlier requests are not delivered again");
            assert!(image(&made[0]) == image(&same[0]), "pixels differ");
        }
    }
    assert_eq!(desks(&stage), 1);
    // A wish of one request is not the next one's.
    let smaller = Work { options: Options { width: Some(32), ..Options::default() }, ..work(&scene, 1) };
    assert_eq!(kept.render(&smaller, None, &|_| {}).await.unwrap().buffers.frame_width(), 32);
    assert_eq!(kept.render(&work(&scene, 1), None, &|_| {}).await.unwrap().buffers.frame_width(), Demo::small().width);
    let other = Demo { width: 48, ..Demo::small() };
    other.make(&stage.program, &scene).await.unwrap();
    assert_eq!(kept.render(&work(&scene, 1), None, &|_| {}).await.unwrap().buffers.frame_width(), 48);
    assert_eq!(desks(&stage), 1);
    kept.let_go();
    assert_eq!(desks(&stage), 0);
}

/// Work folders that are there.
fn desks(stage: &Stage) -> usize {
    let named = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("tetra-render-");
    std::fs::read_dir(stage.folder.path()).unwrap().flatten().filter(named).count()
}
