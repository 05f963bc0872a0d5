//! Compiles every file under `proto/` with `protox` (no `protoc` needed) into prost types, one descriptor
//! set and one `Name` implementation per message.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

include!("shared.rs");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=shared.rs");
    let mut files = Vec::new();
    collect(Path::new("proto"), &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Encoded by the compiler: prost's own descriptors drop options of others, such as google.api.http.
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;

    let mut config = prost_build::Config::new();
    config.enable_type_names().include_file("packages.rs").btree_map(["."]);
    for (package, module, messages) in SHARED {
        for (name, shared) in messages {
            config.extern_path(format!(".{package}.{name}"), format!("crate::{module}::{shared}"));
        }
    }
    config.compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ext| ext == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
