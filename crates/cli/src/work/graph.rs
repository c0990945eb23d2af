//! `work graph`: what depends on what.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use nexusfs_core::error::ErrorKind;
use nexusfs_core::filesystem::{Filesystem, WorkItem, WorkView};
use nexusfs_core::work::Status;
use serde_json::{Value, json};

use super::dependencies::{Dependencies, Edge, Node, NodeKind};
use super::{draw, svg};
use crate::failure::{Exit, Failure, Result};
use crate::host::{local_path, replace};
use crate::session::Session;

/// Draw what depends on what.
///
/// Arrows go from an item to those that wait for it: dotted where it is completed, so that it holds them up no more. Items outside the
/// selection that a selected one waits for are drawn too.
#[derive(Debug, Args)]
pub struct Graph {
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t = Format::Dot)]
    format: Format,
    /// Only items whose path begins with this text
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Most items to draw, in the order of priority
    #[arg(short, long, value_name = "N", default_value_t = 500)]
    limit: usize,
    /// Write to this file, which is replaced as a whole, instead of stdout
    #[arg(short, long, value_name = "FILE", value_parser = local_path(), value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For Graphviz
    Dot,
    /// For Markdown pages
    Mermaid,
    /// A picture
    Svg,
}

/// Most items and arrows of a picture: the time of its layout grows much faster than their number, and the layout cannot
/// be interrupted.
const DRAWN: usize = 400;

impl Graph {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        if let Some(path) = &self.output {
            session.own_store()?.refuse_target(path)?;
        }
        let (items, more) = self.items(&fs)?;
        let graph = collect(&fs, &items)?;
        let size = graph.nodes.len() + graph.edges.len();
        if matches!(self.format, Format::Svg) && size > DRAWN && !session.out.json {
            let text = format!(
                "{size} items and arrows are too many for a picture; the most are {DRAWN} (see --prefix and --limit; \
                 Graphviz draws more from --format dot)"
            );
            return Err(Failure::new(Exit::Failure, text));
        }
        let out = &mut session.out;
        if more {
            let text = format!("drew the first {} items only (see --limit)", self.limit);
            Failure::new(Exit::Failure, text).report();
        }
        let text = match self.format {
            _ if out.json => format!("{}\n", as_json(&graph)),
            Format::Dot => draw::dot(&graph),
            Format::Mermaid => draw::mermaid(&graph),
            Format::Svg => svg::draw(&graph),
        };
        match &self.output {
            None => Ok(out.write_all(text.as_bytes())?),
            Some(path) => replace(path, text.as_bytes()),
        }
    }

    /// Returns the items that are drawn, and whether there are more.
    fn items(&self, fs: &Filesystem) -> Result<(Vec<WorkItem>, bool)> {
        let Some(prefix) = &self.prefix else {
            let mut items = fs.work(WorkView::ByPriority, self.limit.saturating_add(1))?;
            let more = items.len() > self.limit;
            items.truncate(self.limit);
            return Ok((items, more));
        };
        let prefix = match prefix.starts_with('/') {
            true => prefix.clone(),
            false => format!("/{prefix}"),
        };
        let mut items = fs.work(WorkView::ByPriority, usize::MAX)?;
        items.retain(|item| item.path.as_str().starts_with(&prefix));
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        Ok((items, more))
    }
}

fn collect(fs: &Filesystem, items: &[WorkItem]) -> Result<Dependencies> {
    let mut graph = Dependencies::default();
    let mut by_id: HashMap<String, usize> = HashMap::new();
    for item in items {
        by_id.insert(item.path_id.to_string(), graph.nodes.len());
        graph.nodes.push(Node {
            label: item.path.as_str().to_owned(),
            kind: NodeKind::Item(item.status),
        });
    }
    for (to, item) in items.iter().enumerate() {
        for id in dependencies(fs, item)? {
            let from = match by_id.get(&id) {
                Some(index) => *index,
                None => {
                    let node = other(fs, &id, item)?;
                    by_id.insert(id, graph.nodes.len());
                    graph.nodes.push(node);
                    graph.nodes.len() - 1
                }
            };
            let is_open = !graph.nodes[from].kind.is_done();
            graph.edges.push(Edge { from, to, is_open });
        }
    }
    Ok(graph)
}

/// Returns the ids of what `item` waits for.
fn dependencies(fs: &Filesystem, item: &WorkItem) -> Result<Vec<String>> {
    match fs.get_meta(item.path.as_str(), "depends_on") {
        Ok(text) => match serde_json::from_str(&text)? {
            Value::String(id) => Ok(vec![id]),
            ids => Ok(serde_json::from_value(ids)?),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Returns the node of something that is not among the items, and that `item` waits for.
fn other(fs: &Filesystem, id: &str, item: &WorkItem) -> Result<Node> {
    match fs.path_of_id(id) {
        Ok(path) => {
            let status = match fs.get_meta(path.as_str(), "status") {
                Ok(text) => Status::parse(text.trim_matches('"')),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error.into()),
            };
            Ok(Node {
                label: path.as_str().to_owned(),
                kind: status.map_or(NodeKind::File, NodeKind::Item),
            })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let explanation: Value = serde_json::from_str(&fs.work_explain(item.path.as_str())?)?;
            let open = explanation["open"].as_array().into_iter().flatten();
            let gone = open.into_iter().find(|open| open["path_id"] == id);
            let path = gone.and_then(|gone| gone["path"].as_str());
            Ok(match path {
                Some(path) => Node {
                    label: path.to_owned(),
                    kind: NodeKind::Deleted,
                },
                None => Node {
                    label: "not visible".to_owned(),
                    kind: NodeKind::Hidden,
                },
            })
        }
        Err(error) => Err(error.into()),
    }
}

fn as_json(graph: &Dependencies) -> Value {
    let nodes = graph.nodes.iter();
    let nodes = nodes.map(|node| json!({"path": node.label, "status": node.kind.name()}));
    let edges = graph.edges.iter();
    let edges = edges.map(|edge| json!({"from": edge.from, "to": edge.to, "open": edge.is_open}));
    json!({"nodes": nodes.collect::<Vec<_>>(), "edges": edges.collect::<Vec<_>>()})
}
