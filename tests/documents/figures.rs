//! Figures in `README.md` beside those in `docs/benchmarks.md`.

use super::{read, section};

#[test]
fn readme_md_has_the_figures_of_benchmarks_md() {
    let (readme, benchmarks) = (read("README.md"), read("docs/benchmarks.md"));
    let measured = section(&benchmarks, "\n## Last measured\n");
    let rows = section(&readme, "\n## How fast\n").lines();
    let figures: Vec<&str> = rows
        .filter_map(|row| row.strip_suffix(" |")?.rsplit_once("| "))
        .map(|(_, figure)| figure)
        .filter(|figure| figure.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    assert!(!figures.is_empty(), "README.md has no figures");
    for figure in figures {
        assert!(
            measured.contains(&format!("| {figure} |")),
            "docs/benchmarks.md, section Last measured, does not have {figure}"
        );
    }
}
