//! What the engine delivers is what Blender makes of the same file by hand, to the bit.

mod common;

use std::path::Path;
use std::time::Instant;

use common::{Stage, work};
use farm::engine::{Format, Options, RenderEngine, Rendered, Work};
use farm::pixels::{Channel, Commitment, DecodedImage, TileGrid, read_exr, read_image};
use farm::scenes::Demo;

fn image(path: &Path) -> DecodedImage {
    read_image(std::fs::File::open(path).unwrap()).unwrap()
}

/// Renders by hand and by the engine, and compares the files.
async fn same_as_by_hand(stage: &Stage, scene: &Path, frame: u32, extension: &str) -> (Rendered, DecodedImage) {
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
    let ours = image(&files[0]);
    match (&hand, &ours) {
        (DecodedImage::Float(hand), DecodedImage::Float(ours)) => {
            assert_eq!(hand.names(), ours.names());
            let apart = |a: &Channel, b: &Channel| {
                let pixels = a.pixels.iter().zip(&b.pixels);
                let differing = pixels.clone().filter(|(a, b)| a.to_bits() != b.to_bits()).count();
                let largest = pixels.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                (differing > 0).then(|| format!("{}: {differing} pixels by up to {largest}", a.name))
            };
            let apart = hand.channels().iter().zip(ours.channels()).filter_map(|(a, b)| apart(a, b));
            assert_eq!(apart.collect::<Vec<_>>(), [""; 0], "channels differ");
            assert!(hand.identical(ours));
        }
        _ => assert!(hand == ours, "pixels differ"),
    }
    (rendered, ours)
}

#[tokio::test]
async fn whole_frames_and_tiles_are_those_of_blender_by_hand() {
    let Some(stage) = Stage::new().await else { return };
    let scene = stage.demo(&Demo::small()).await;
    let (whole, by_hand) = same_as_by_hand(&stage, &scene, 5, "png").await;

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
async fn a_denoised_composited_frame_is_replayed_from_its_buffers() {
    let Some(stage) = Stage::new().await else { return };
    let demo = Demo { denoise: true, passes: true, composite: true, ..Demo::small() };
    let scene = stage.demo(&Demo { format: Format::ExrMultilayer, ..demo }).await;
    let (rendered, ours) = same_as_by_hand(&stage, &scene, 9, "exr").await;
    assert_eq!(rendered.denoised, ["ViewLayer"]);
    let DecodedImage::Float(ours) = ours else { panic!("no EXR") };
    let name = "ViewLayer.Combined.R";
    let (noisy, clean) = (rendered.buffers.channel(name).unwrap(), ours.channel(name).unwrap());
    assert_ne!(noisy.pixels, clean.pixels, "the denoiser did nothing");
    assert!(ours.names().iter().any(|name| name.starts_with("ViewLayer.CryptoObject00")), "{:?}", ours.names());

    // Cryptomatte's manifest, without which nobody finds an object, is in the file as well.
    let rect = ours.rect();
    let file = std::fs::File::open(stage.path("out/frame.exr")).unwrap();
    let (_, texts) = read_exr(file, 160, 90, rect).unwrap();
    let manifest = texts.iter().find(|(name, _)| name.starts_with("cryptomatte/") && name.ends_with("/manifest"));
    assert!(manifest.is_some_and(|(_, text)| text.contains("\"Ball\"")), "{texts:?}");
}

/// Cycles denoises sums of samples, buffers hold means: with a number of samples that is no power of two they differ in the last
/// bits, and so does what a neural filter makes of them. The replay itself has the same bits each time.
#[tokio::test]
async fn rounding_of_means_is_all_that_a_replay_may_differ_by() {
    let Some(stage) = Stage::new().await else { return };
    let demo = Demo { denoise: true, adaptive: true, samples: 7, format: Format::ExrMultilayer, ..Demo::small() };
    let scene = stage.demo(&demo).await;
    let hand = stage.path("hand");
    stage.script("by_hand.py", &[&scene, Path::new("3"), &hand]);
    let rendered = stage.engine.render(&work(&scene, 3), None, &|_| {}).await.unwrap();
    let mut replays = Vec::new();
    for folder in ["first", "second"] {
        let files = stage.engine.finish(&work(&scene, 3), &rendered, &stage.path(folder), &|_| {}).await.unwrap();
        let DecodedImage::Float(image) = image(&files[0]) else { panic!("no EXR") };
        replays.push(image);
    }
    assert!(replays[0].identical(&replays[1]));
    let DecodedImage::Float(hand) = image(&hand.with_extension("exr")) else { panic!("no EXR") };
    let compared = farm::pixels::compare(&hand, &replays[0]).unwrap();
    println!("{compared:?}");
    assert!(compared.differing_8bit < 1e-3 && compared.relative_rmse < 1e-5, "{compared:?}");
}

#[tokio::test]
async fn a_benchmark_is_raw_seconds() {
    let Some(stage) = Stage::new().await else { return };
    let device = Default::default();
    let measured = farm::scenes::benchmark(&stage.engine, &stage.program, device, 1, &|_| {}).await.unwrap();
    println!("{measured:?} on {}", farm::DeviceClass::of_cpu());
    assert_eq!((measured.seconds.len(), &measured.engine), (1, stage.engine.build()));
    assert!((measured.units_an_hour * measured.seconds[0] - 3_600.0).abs() < 1e-6);
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
