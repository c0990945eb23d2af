//! The dependency graph as a picture. The layout is that of the crate `layout-rs`.

use layout::backends::svg::SVGWriter;
use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::render::get_shape_size;
use layout::std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind};
use layout::topo::layout::VisualGraph;

use super::graph::{Dependencies, NodeKind};

const FONT_SIZE: usize = 14;
const ROUNDED: usize = 6;
const OPAQUE: u32 = 0xff;

/// Returns the graph as an SVG document.
pub fn draw(graph: &Dependencies) -> String {
    let mut picture = SVGWriter::new();
    if graph.nodes.is_empty() {
        return picture.finalize() + "\n";
    }
    let direction = Orientation::LeftToRight;
    let mut visual = VisualGraph::new(direction);
    let handles: Vec<_> = graph
        .nodes
        .iter()
        .map(|node| {
            let shape = ShapeKind::new_box(&label(&node.label, node.kind));
            let size = get_shape_size(direction, &shape, FONT_SIZE, false);
            let colour = Color::new(node.kind.fill() << 8 | OPAQUE);
            let look = StyleAttr::new(Color::fast("black"), 1, Some(colour), ROUNDED, FONT_SIZE);
            visual.add_node(Element::create(shape, look, direction, size))
        })
        .collect();
    for edge in &graph.edges {
        let style = match edge.is_open {
            true => LineStyleKind::Normal,
            false => LineStyleKind::Dashed,
        };
        let look = StyleAttr::new(Color::fast("black"), 1, None, 0, FONT_SIZE);
        let (start, end) = (LineEndKind::None, LineEndKind::Arrow);
        let arrow = Arrow::new(start, end, style, "", &look, &None, &None);
        visual.add_edge(arrow, handles[edge.from], handles[edge.to]);
    }
    visual.do_it(false, false, false, &mut picture);
    picture.finalize() + "\n"
}

/// Returns the lines in a shape: the path and the status, so that colour is not all that tells it.
fn label(path: &str, kind: NodeKind) -> String {
    format!("{path}\n{}", kind.name().replace('_', " "))
}
