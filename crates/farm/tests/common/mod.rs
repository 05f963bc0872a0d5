//! What tests with Blender share.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use farm::engine::blender::Program;
use farm::engine::{Blender, Fault, Limits, Namespaces, Options, Work};
use farm::scenes::Demo;

/// Blender on this machine in the usual sandbox, and a folder; or why the test cannot run here.
pub(crate) struct Stage {
    pub(crate) program: Program,
    pub(crate) engine: Blender,
    pub(crate) folder: tempfile::TempDir,
}

impl Stage {
    pub(crate) async fn new() -> Option<Self> {
        let program = match Program::find() {
            Ok(program) => program,
            Err(fault) => {
                println!("skipped: {fault}");
                return None;
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let engine = Blender::new(program.clone(), Arc::new(Namespaces), Limits::default(), folder.path()).await;
        match engine {
            Ok(engine) => Some(Self { program, engine, folder }),
            Err(Fault::Sandbox(reason)) => {
                println!("skipped: no sandbox can be made: {reason}");
                None
            }
            Err(fault) => panic!("{fault}"),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn demo(&self, demo: &Demo) -> PathBuf {
        let scene = self.path("demo.blend");
        demo.make(&self.program, &scene).await.unwrap();
        scene
    }

    /// Runs a script of the folder `scenes` in Blender's Python.
    #[allow(dead_code, reason = "not every test runs one")]
    pub(crate) fn script(&self, name: &str, arguments: &[&Path]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenes").join(name);
        let mut command = match &self.program {
            Program::Module { environment } => Command::new(environment.join("bin/python")),
            Program::Binary { program } => {
                let mut command = Command::new(program);
                command.args(["--background", "--factory-startup", "-noaudio", "--python"]);
                command
            }
        };
        command.arg(script);
        if matches!(self.program, Program::Binary { .. }) {
            command.arg("--");
        }
        let output = command.args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
    }
}

pub(crate) fn work(scene: &Path, frame: u32) -> Work {
    Work { scene: scene.to_owned(), frame, options: Options::default(), device: Default::default(), threads: None }
}
