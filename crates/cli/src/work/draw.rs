//! The dependency graph as text that other programs draw: DOT and Mermaid.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::dependencies::{Dependencies, NodeKind};

/// Returns the graph for Graphviz.
pub fn dot(graph: &Dependencies) -> String {
    let mut text = String::from(
        "digraph work {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n",
    );
    for (index, node) in graph.nodes.iter().enumerate() {
        let label = quoted(&node.label);
        let (status, fill) = (node.kind.name(), node.kind.fill());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  n{index} [label=\"{label}\", fillcolor=\"#{fill:06x}\", tooltip=\"{status}\"];"
        );
    }
    for edge in &graph.edges {
        let style = if edge.is_open { "" } else { " [style=dotted]" };
        let _ = writeln!(text, "  n{} -> n{}{style};", edge.from, edge.to);
    }
    text.push_str("}\n");
    text
}

/// Escapes `label` for a quoted DOT string, in which Graphviz reads entities.
fn quoted(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('&', "&amp;")
}

/// Returns the graph for Mermaid.
pub fn mermaid(graph: &Dependencies) -> String {
    let mut text = String::from("flowchart LR\n");
    let mut kinds: BTreeMap<&str, NodeKind> = BTreeMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        kinds.insert(node.kind.name(), node.kind);
        let _ = writeln!(
            text,
            "  n{index}[\"{}\"]:::{}",
            entities(&node.label),
            node.kind.name()
        );
    }
    for edge in &graph.edges {
        let arrow = if edge.is_open { "-->" } else { "-.->" };
        let _ = writeln!(text, "  n{} {arrow} n{}", edge.from, edge.to);
    }
    for (name, kind) in kinds {
        let _ = writeln!(
            text,
            "  classDef {name} fill:#{:06x},color:#000",
            kind.fill()
        );
    }
    text
}

/// Returns `label` with everything that Mermaid or Markdown would take for more than a character written as a
/// number.
fn entities(label: &str) -> String {
    let mut text = String::with_capacity(label.len());
    for c in label.chars() {
        match c {
            c if c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | ' ') => text.push(c),
            c => {
                let _ = write!(text, "#{};", u32::from(c));
            }
        }
    }
    text
}
