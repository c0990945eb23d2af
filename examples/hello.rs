//! The program of `README.md`.

fn main() -> nexusfs::error::Result<()> {
    let fs = nexusfs::connect(Some(r#"{"data_dir": "./nexus-data"}"#))?;
    fs.write("/notes/hello.txt", b"hello", &Default::default())?;
    let content = fs.read("/notes/hello.txt")?;
    println!("{}", String::from_utf8_lossy(&content));
    Ok(())
}
