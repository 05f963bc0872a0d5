//! Packages from npm and PyPI, locked, installed beside the build output.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// Installs what a folder beside this file locks, once, and copies its programs; says why when it cannot.
async fn install(name: &str, lock: &str, steps: &[Vec<String>]) -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{lock}"));
    let text = |error: std::io::Error| error.to_string();
    std::fs::create_dir_all(&folder).map_err(text)?;
    for entry in std::fs::read_dir(&source).map_err(text)? {
        let entry = entry.map_err(text)?;
        std::fs::copy(entry.path(), folder.join(entry.file_name())).map_err(text)?;
    }
    let stamp = folder.join(".installed");
    let wanted = std::fs::read(source.join(lock)).map_err(text)?;
    // Tests run in processes of their own and may want the same packages at the same moment.
    let guard = std::fs::File::create(folder.join(".lock")).map_err(text)?;
    let guard = tokio::task::spawn_blocking(move || guard.lock().map(|()| guard)).await;
    let _guard = guard.map_err(|error| error.to_string())?.map_err(text)?;
    if std::fs::read(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(folder);
    }
    for step in steps {
        let (program, arguments) = step.split_first().ok_or("an empty step")?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&folder).kill_on_drop(true);
        let done = command.output().await.map_err(|error| format!("{program} does not start: {error}"))?;
        if !done.status.success() {
            return Err(format!("{step:?}: {}", String::from_utf8_lossy(&done.stderr)));
        }
    }
    std::fs::write(&stamp, wanted).map_err(text)?;
    Ok(folder)
}

fn words(command: &str) -> Vec<String> {
    command.split(' ').map(str::to_owned).collect()
}

async fn present(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}

/// The folder of a set of npm packages; none, said plainly, where there is no npm.
pub async fn npm(name: &str) -> Option<PathBuf> {
    for program in ["node", "npm"] {
        if !present(program, &["--version"]).await {
            println!("SKIPPED: {program} is not installed (apt-get install nodejs npm); {name} was not run");
            return None;
        }
    }
    Some(install(name, "package-lock.json", &[words("npm ci --ignore-scripts")]).await.expect("npm packages install"))
}

/// The folder of a set of PyPI packages with `venv` in it; none, said plainly, where Python makes no environments.
pub async fn pypi(name: &str) -> Option<PathBuf> {
    if !present("python3", &["-c", "import ensurepip, venv"]).await {
        println!("SKIPPED: python3 with venv is not installed (apt-get install python3-venv); {name} was not run");
        return None;
    }
    let pip = "venv/bin/pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
               --requirement requirements.txt";
    let steps = [words("python3 -m venv venv"), words(&pip.split_whitespace().collect::<Vec<_>>().join(" "))];
    Some(install(name, "requirements.txt", &steps).await.expect("PyPI packages install"))
}

/// Runs a client's program and expects its last words to be `all done`.
pub async fn succeeds(mut command: Command) {
    let done = command.kill_on_drop(true).output().await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{out}\n{err}");
    assert!(out.ends_with("all done\n"), "{out}\n{err}");
}
