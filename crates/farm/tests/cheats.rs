//! What cheats look like to an auditor, by real pixels: each kind is made, committed to, and compared with tiles that were rendered
//! anew. The figures stand in a file from which the market's simulation of adversaries plays (`render` `tests::recorded`); this test
//! makes them again, and refuses a file by which other tiles are wrong. `RECORD_PIXELS=1` writes it.

mod common;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use common::{Stage, work};
use farm::class::DeviceClass;
use farm::engine::{Options, RenderEngine, Work};
use farm::pixels::{
    Buffers, Channel, Commitment, Comparison, DecodedImage, TileGrid, Verdict, compare, read_image, tile_digest,
};
use farm::scenes::Demo;

/// The frame that was ordered, and the one in its place.
const FRAME: u32 = 5;
/// 4 by 4 tiles.
const GRID: (u32, u32) = (40, 23);

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../render/src/tests/pixels.csv")
}

async fn render(stage: &Stage, work: &Work) -> Buffers {
    stage.engine.render(work, None, &|_| {}).await.unwrap().buffers
}

fn with(options: Options, scene: &Path) -> Work {
    Work { options, ..work(scene, FRAME) }
}

/// The same frame with other pixels, channel by channel.
fn changed(frame: &Buffers, change: impl Fn(&Channel) -> Vec<f32>) -> Buffers {
    let channels = frame.channels().iter();
    let channels = channels.map(|channel| Channel { name: channel.name.clone(), pixels: change(channel) }).collect();
    Buffers::new(frame.frame_width(), frame.frame_height(), frame.rect(), channels).unwrap()
}

/// Half as wide and high, each pixel four times.
fn doubled(frame: &Buffers, half: &Buffers) -> Buffers {
    let (width, narrow) = (frame.frame_width() as usize, half.frame_width() as usize);
    changed(frame, |channel| {
        let small = &half.channel(&channel.name).unwrap().pixels;
        (0..channel.pixels.len()).map(|at| small[at / width / 2 * narrow + at % width / 2]).collect()
    })
}

/// A denoised picture in place of the buffers before the denoiser: its colours, as far as the file has them.
fn denoised(frame: &Buffers, picture: &Buffers) -> Buffers {
    changed(frame, |channel| {
        picture.channel(&channel.name).map_or(channel.pixels.clone(), |clean| clean.pixels.clone())
    })
}

/// Ways to render a frame of a scene wrong, by name.
async fn cheats(stage: &Stage, scene: &Path, demo: &Demo, honest: &Buffers) -> Vec<(&'static str, Buffers)> {
    let half = Options { width: Some(demo.width / 2), height: Some(demo.height / 2), ..Options::default() };
    let half = render(stage, &with(half, scene)).await;
    let old = stage.path("old.blend");
    Demo { seed: demo.seed + 1, ..demo.clone() }.make(&stage.program, &old).await.unwrap();
    let (width, lower) = (honest.frame_width() as usize, honest.frame_height() as usize / 2);
    let patch = |channel: &Channel| {
        let black = |(at, pixel): (usize, &f32)| if at / width >= lower { 0.0 } else { *pixel };
        channel.pixels.iter().enumerate().map(black).collect()
    };
    let mut all = vec![
        (
            "fewer samples",
            render(stage, &with(Options { samples: Some(demo.samples - 1), ..Options::default() }, scene)).await,
        ),
        ("black frame", changed(honest, |channel| vec![0.0; channel.pixels.len()])),
        ("lower half black", changed(honest, patch)),
        ("another frame", render(stage, &work(scene, FRAME + 1)).await),
        ("an old result", render(stage, &work(&old, FRAME)).await),
        ("lower resolution", doubled(honest, &half)),
    ];
    if demo.denoise {
        let rendered = stage.engine.render(&work(scene, FRAME), None, &|_| {}).await.unwrap();
        let files = stage.engine.finish(&work(scene, FRAME), &rendered, &stage.path("clean"), &|_| {}).await.unwrap();
        let DecodedImage::Float(picture) = read_image(std::fs::File::open(&files[0]).unwrap()).unwrap() else {
            panic!("no EXR")
        };
        all.push(("denoised before it was committed", denoised(honest, &picture)));
    }
    all
}

/// One line a tile: what was committed, and how far it is from what an auditor rendered.
fn lines(
    text: &mut String,
    scene: &str,
    kind: &str,
    grid: &TileGrid,
    committed: &Buffers,
    audited: &[Buffers],
) -> Vec<Comparison> {
    let mut found = Vec::new();
    for (index, (rect, truth)) in grid.rects().zip(audited).enumerate() {
        let tile = committed.crop(rect).unwrap();
        let compared = compare(truth, &tile).unwrap();
        let micros = (compared.relative_rmse.min(1e6) * 1e6).round() as u64;
        let values = rect.area() * 3;
        let differing = (compared.differing_8bit * values as f64).round() as u64;
        writeln!(
            text,
            "{scene},{kind},{index},{},{},{values},{differing},{micros}",
            tile_digest(&tile),
            tile_digest(truth)
        )
        .unwrap();
        found.push(compared);
    }
    found
}

#[tokio::test]
async fn cheats_look_as_recorded() {
    let Some(stage) = Stage::new().await else { return };
    let class = DeviceClass::of_cpu();
    let mut text = format!(
        "# {} on {class}; written by `farm` `cheats`\nscene,kind,tile,committed,audited,values,differing,error_micros\n",
        stage.engine.build()
    );
    let grid = TileGrid::new(160, 90, GRID.0, GRID.1).unwrap();
    let plain = Demo { format: farm::engine::Format::ExrMultilayer, ..Demo::small() };
    for (name, demo) in [("plain", plain.clone()), ("denoised", Demo { denoise: true, ..plain })] {
        let scene = stage.demo(&demo).await;
        let honest = render(&stage, &work(&scene, FRAME)).await;
        let mut audited = Vec::new();
        for rect in grid.rects() {
            audited.push(stage.engine.render(&work(&scene, FRAME), Some(rect), &|_| {}).await.unwrap().buffers);
        }
        let honestly = lines(&mut text, name, "honest", &grid, &honest, &audited);
        assert!(honestly.iter().all(|tile| tile.exact() == Verdict::Accepted), "{name}: {honestly:?}");
        assert_eq!(Commitment::to(&honest, grid).unwrap().tiles().len(), 16);
        for (kind, frame) in cheats(&stage, &scene, &demo, &honest).await {
            let tiles = lines(&mut text, name, kind, &grid, &frame, &audited);
            let wrong = tiles.iter().filter(|tile| tile.exact() == Verdict::Rejected).count();
            let beyond = tiles.iter().filter(|tile| tile.judge(&Default::default()) == Verdict::Rejected).count();
            println!("{name}, {kind}: {wrong} of 16 tiles differ, {beyond} beyond every tolerance");
            assert!(wrong >= 8, "{name}, {kind}: {wrong} tiles differ");
        }
    }
    if std::env::var_os("RECORD_PIXELS").is_some() {
        std::fs::write(recorded(), &text).unwrap();
    }
    let stands = std::fs::read_to_string(recorded()).unwrap();
    match stands.lines().next() == text.lines().next() {
        true => assert_eq!(found_out(&stands), found_out(&text), "other tiles are found to be wrong than recorded"),
        false => println!("not compared with the record of another class: {}", stands.lines().next().unwrap_or("")),
    }
}

/// Which tiles an auditor finds to be others. Digests are those of a scene that is made anew for each run, and Blender makes it
/// of the same script not to the same bytes: they are compared within a run alone.
fn found_out(record: &str) -> Vec<(Vec<&str>, bool)> {
    let tile = |line: &'_ str| -> bool {
        let parts: Vec<&str> = line.split(',').collect();
        parts[3] != parts[4]
    };
    record.lines().skip(2).map(|line| (line.split(',').take(3).collect(), tile(line))).collect()
}
