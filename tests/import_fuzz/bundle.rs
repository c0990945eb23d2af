//! Bundles of given lines, of the first version: what they hold is checked by what they hold only.

use std::io::Write;

use nexusfs::content::ContentHash;
use serde_json::json;
use sha2::{Digest, Sha256};

/// Returns a bundle with `lines` and `contents`.
pub fn of(lines: &str, contents: &[&str]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut sum = Sha256::new();
    let mut add = |name: &str, data: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_path(name).unwrap();
        header.set_size(data.len() as u64);
        header.set_mode(0o600);
        header.set_cksum();
        archive.append(&header, data).unwrap();
        sum.update(name.as_bytes());
        sum.update([0]);
        sum.update((data.len() as u64).to_be_bytes());
        sum.update(ContentHash::of(data).as_bytes());
        sum.clone().finalize()
    };
    add(
        "nexus-bundle.json",
        b"{\"format\":\"nexus-bundle\",\"version\":1}\n",
    );
    for content in contents {
        let hash = ContentHash::of(content.as_bytes());
        add(&format!("contents/{hash}"), content.as_bytes());
    }
    let hash: [u8; 32] = add("files/00000000.jsonl", lines.as_bytes()).into();
    let seal = json!({
        "files": lines.lines().count(), "directories": 0, "contents": contents.len(),
        "content_bytes": contents.iter().map(|content| content.len()).sum::<usize>(),
        "sha256": ContentHash::from_bytes(hash).to_string(),
    });
    add("end.json", format!("{seal}\n").as_bytes());
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(&archive.into_inner().unwrap()).unwrap();
    encoder.finish().unwrap()
}
