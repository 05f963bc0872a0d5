//! Scenes that are broken or mean harm, and renders that go wrong.

mod common;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use common::{Stage, work};
use farm::engine::{Blender, Fault, Limits, Prefix, RenderEngine, Stage as Doing};
use farm::pixels::Buffers;
use farm::scenes::Demo;

/// A scene with scripts that would write a file and call a port, both of which are watched here.
struct Trap {
    scene: PathBuf,
    file: PathBuf,
    port: TcpListener,
}

impl Trap {
    async fn new(stage: &Stage) -> Self {
        let demo = stage.demo(&Demo { samples: 1, ..Demo::small() }).await;
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        port.set_nonblocking(true).unwrap();
        let number = port.local_addr().unwrap().port().to_string();
        let (file, scene) = (stage.path("written"), stage.path("hostile.blend"));
        stage.script("hostile.py", &[&demo, &file, Path::new(&number), &scene]);
        Self { scene, file, port }
    }

    fn sprung(&self) -> (bool, bool) {
        (self.file.exists(), self.port.accept().is_ok())
    }
}

#[tokio::test]
async fn scripts_of_a_scene_do_not_run() {
    let Some(stage) = Stage::new().await else { return };
    let trap = Trap::new(&stage).await;
    let report = stage.engine.inspect(&trap.scene, &[], &|_| {}).await.unwrap();
    assert_eq!(report.scripts, ["drivers of Ball", "startup.py"]);
    assert_eq!(report.frames().unwrap().to_string(), "1-24");
    let work = work(&trap.scene, 1);
    let rendered = stage.engine.render(&work, None, &|_| {}).await.unwrap();
    stage.engine.finish(&work, &rendered, &stage.path("out"), &|_| {}).await.unwrap();
    assert_eq!(trap.sprung(), (false, false));
    // Neither do they without a sandbox: it is a wall behind another wall.
    let open = Arc::new(Prefix::default());
    let open = Blender::new(stage.program.clone(), open, Limits::default(), stage.folder.path()).await.unwrap();
    open.render(&work, None, &|_| {}).await.unwrap();
    assert_eq!(trap.sprung(), (false, false));
}

/// The same attack by a process that runs it, as if a hole in Blender had been found: in the sandbox it reaches nothing.
#[tokio::test]
async fn a_script_that_runs_in_the_sandbox_reaches_nothing() {
    use farm::engine::{Cell, Confine, Namespaces};
    let Some(stage) = Stage::new().await else { return };
    if matches!(stage.program, farm::engine::blender::Program::Binary { .. }) {
        println!("skipped: needs bpy as a Python module");
        return;
    }
    let trap = Trap::new(&stage).await;
    let python = stage.program.interpreter();
    let attack = "import socket, sys
for what in (lambda: open(sys.argv[1], 'w'), lambda: socket.create_connection(('127.0.0.1', int(sys.argv[2])), 5)):
    try:
        what()
        print('done')
    except OSError as error:
        print(error.strerror)
";
    let port = trap.port.local_addr().unwrap().port().to_string();
    let command = ["-I".into(), "-c".into(), attack.into(), trap.file.clone().into_os_string(), port.into()];
    let command: Vec<_> = [python.into_os_string()].into_iter().chain(command).collect();
    let run = |line: Vec<std::ffi::OsString>| {
        let output = std::process::Command::new(&line[0]).args(&line[1..]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    for name in ["work/tmp", "root"] {
        std::fs::create_dir_all(stage.path(name)).unwrap();
    }
    let cell =
        Cell { work: stage.path("work"), root: stage.path("root"), read: stage.program.reads(), devices: vec![] };
    let told = run(Namespaces.confine(&cell, command.clone()).unwrap());
    assert_eq!(told, "Read-only file system\nNetwork is unreachable\n");
    assert_eq!(trap.sprung(), (false, false));
    // The trap works.
    assert_eq!(run(command), "done\ndone\n");
    assert_eq!(trap.sprung(), (true, true));
}

#[tokio::test]
async fn files_outside_of_a_scene_are_named_or_packed() {
    let Some(stage) = Stage::new().await else { return };
    let demo = stage.demo(&Demo { samples: 2, ..Demo::small() }).await;
    let (texture, beside) = (stage.path("rings.png"), stage.path("beside.blend"));
    stage.script("lost.py", &[&demo, &texture, Path::new("there"), &beside]);
    let report = stage.engine.inspect(&beside, &[], &|_| {}).await.unwrap();
    assert!(report.missing().is_empty() && report.obstacles.is_empty(), "{report:?}");
    let target = stage.path("packed.blend");
    let packed = stage.engine.pack(&beside, &[], &target, &|_| {}).await.unwrap();
    assert_eq!(packed.iter().map(|file| &file.path).collect::<Vec<_>>(), [&texture]);

    // Gone: named before anything is computed, by everything.
    std::fs::remove_file(&texture).unwrap();
    let report = stage.engine.inspect(&beside, &[], &|_| {}).await.unwrap();
    assert_eq!(report.missing().iter().map(|file| &file.path).collect::<Vec<_>>(), [&texture]);
    let told = stage.engine.pack(&beside, &[], &stage.path("none.blend"), &|_| {}).await.unwrap_err();
    assert!(matches!(&told, Fault::MissingFile { paths } if *paths == [texture.clone()]), "{told}");
    let told = stage.engine.render(&work(&beside, 1), None, &|_| {}).await.unwrap_err();
    assert_eq!(told.to_string(), format!("missing: {}", texture.display()));
    // In the packed scene it is not needed.
    stage.engine.render(&work(&target, 1), None, &|_| {}).await.unwrap();
}

#[tokio::test]
async fn every_failure_has_its_kind() {
    let Some(stage) = Stage::new().await else { return };
    let scene = stage.demo(&Demo { width: 1600, height: 900, samples: 4096, ..Demo::small() }).await;
    let render = async |limits: Limits| {
        let engine = stage.engine.with_limits(limits);
        engine.render(&work(&scene, 1), None, &|_| {}).await.map(|rendered| rendered.buffers).unwrap_err()
    };
    let usual = Limits::default();
    let told = render(Limits { address_space: 900 << 20, ..usual }).await;
    // Libraries die in their own ways where memory ends.
    assert!(matches!(told.kind(), "out_of_memory" | "crashed"), "{told}");
    let told = render(Limits { memory: 256 << 20, ..usual }).await;
    assert!(matches!(told.kind(), "out_of_memory" | "crashed"), "{told}");
    let told = render(Limits { total: Duration::from_secs(12), ..usual }).await;
    assert!(matches!(told, Fault::OverTime { .. }), "{told}");
    let told = render(Limits { no_progress: Duration::from_millis(50), ..usual }).await;
    assert!(matches!(told, Fault::NoProgress { .. }), "{told}");
    let told = render(Limits { cpu_seconds: 5, ..usual }).await;
    assert!(matches!(told, Fault::OverTime { after } if after == Duration::from_secs(5)), "{told}");

    let broken = stage.path("broken.blend");
    std::fs::write(&broken, "BLENDER-v300 but no more").unwrap();
    let told = stage.engine.inspect(&broken, &[], &|_| {}).await.unwrap_err();
    assert!(matches!(told, Fault::BadScene(_)) && told.is_of_the_scene(), "{told}");
    let mode = std::os::unix::fs::PermissionsExt::from_mode;
    std::fs::set_permissions(&broken, mode(0o600)).unwrap();
    let told = stage.engine.inspect(&broken, &[], &|_| {}).await.unwrap_err();
    assert!(!rustix::process::geteuid().is_root() || told.to_string().contains("chmod o+r"), "{told}");
    let told = stage.engine.inspect(&stage.path("nowhere.blend"), &[], &|_| {}).await.unwrap_err();
    assert_eq!(told.kind(), "missing_file");
    let gpu = farm::engine::Work { device: farm::engine::Device::Gpu, ..work(&scene, 1) };
    match stage.engine.render(&gpu, None, &|_| {}).await {
        Err(Fault::NoDevice(_)) => {}
        Err(told) => panic!("{told}"),
        Ok(_) => println!("a GPU rendered"),
    }
}

/// Processes whose working folder is below a folder.
fn living(folder: &Path) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter(|entry| std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder)))
        .count()
}

#[tokio::test]
async fn dropping_a_render_ends_its_processes() {
    let Some(stage) = Stage::new().await else { return };
    let scene = stage.demo(&Demo { width: 1600, height: 900, samples: 4096, ..Demo::small() }).await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let job = work(&scene, 1);
    let watch = move |progress: farm::engine::Progress| {
        let _ = tell.send(progress);
    };
    {
        let render = stage.engine.render(&job, None, &watch);
        tokio::pin!(render);
        loop {
            tokio::select! {
                result = &mut render => panic!("it ended: {:?}", result.map(|rendered| Buffers::names(&rendered.buffers))),
                Some(progress) = told.recv() => {
                    if progress.stage == Doing::Rendering && progress.of == Some(4096) {
                        break;
                    }
                }
            }
        }
        assert!(living(stage.folder.path()) > 0);
    }
    // The kernel takes a moment to end what was killed; a test that hangs here has found one that lives.
    while living(stage.folder.path()) > 0 {
        tokio::task::yield_now().await;
    }
    let left: Vec<_> =
        std::fs::read_dir(stage.folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["demo.blend"]);
}
