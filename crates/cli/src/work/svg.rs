//! The dependency graph as a picture. The layout is that of the crate `layout-rs`.

use layout::backends::svg::SVGWriter;
use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::Point;
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::render::get_shape_size;
use layout::std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind};
use layout::topo::layout::VisualGraph;

use super::dependencies::{Dependencies, NodeKind};

const FONT_SIZE: usize = 14;
const ROUNDED: usize = 6;
const OPAQUE: u32 = 0xff;

/// Returns the graph as an SVG document.
pub fn draw(graph: &Dependencies) -> String {
    let mut picture = Picture::new();
    if graph.nodes.is_empty() {
        return picture.finish();
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
    picture.finish()
}

/// Returns the lines in a shape: the path and the status, so that the status is not only a colour.
fn label(path: &str, kind: NodeKind) -> String {
    format!("{path}\n{}", kind.name().replace('_', " "))
}

/// Space around the graph.
const MARGIN: f64 = 10.0;

/// The writer of the crate, with the size of what is drawn measured here: the crate takes a text to be as high as
/// it is long, and leaves a large blank below the graph.
struct Picture {
    writer: SVGWriter,
    end: Point,
}

impl Picture {
    fn new() -> Picture {
        Picture {
            writer: SVGWriter::new(),
            end: Point::new(0.0, 0.0),
        }
    }

    fn cover(&mut self, x: f64, y: f64) {
        self.end.x = self.end.x.max(x + MARGIN);
        self.end.y = self.end.y.max(y + MARGIN);
    }

    fn finish(self) -> String {
        let text = self.writer.finalize();
        let (width, height) = (self.end.x.ceil(), self.end.y.ceil());
        let head = format!(
            "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             xmlns=\"http://www.w3.org/2000/svg\">"
        );
        let parts = text
            .split_once("<svg ")
            .and_then(|(before, rest)| Some((before, rest.split_once('>')?.1)));
        match parts {
            Some((before, after)) => format!("{before}\n{head}{after}\n"),
            None => text,
        }
    }
}

impl RenderBackend for Picture {
    fn draw_rect(
        &mut self,
        xy: Point,
        size: Point,
        look: &StyleAttr,
        properties: Option<String>,
        clip: Option<ClipHandle>,
    ) {
        self.cover(xy.x + size.x, xy.y + size.y);
        self.writer.draw_rect(xy, size, look, properties, clip);
    }

    fn draw_line(
        &mut self,
        start: Point,
        stop: Point,
        look: &StyleAttr,
        properties: Option<String>,
    ) {
        self.cover(start.x.max(stop.x), start.y.max(stop.y));
        self.writer.draw_line(start, stop, look, properties);
    }

    fn draw_circle(
        &mut self,
        xy: Point,
        size: Point,
        look: &StyleAttr,
        properties: Option<String>,
    ) {
        self.cover(xy.x + size.x / 2.0, xy.y + size.y / 2.0);
        self.writer.draw_circle(xy, size, look, properties);
    }

    fn draw_text(&mut self, xy: Point, text: &str, look: &StyleAttr) {
        // Inside of the shape that was covered.
        self.writer.draw_text(xy, text, look);
    }

    fn draw_arrow(
        &mut self,
        path: &[(Point, Point)],
        dashed: bool,
        head: (bool, bool),
        look: &StyleAttr,
        properties: Option<String>,
        text: &str,
    ) {
        for (from, to) in path {
            self.cover(from.x.max(to.x), from.y.max(to.y));
        }
        self.writer
            .draw_arrow(path, dashed, head, look, properties, text);
    }

    fn create_clip(&mut self, xy: Point, size: Point, rounded: usize) -> ClipHandle {
        self.writer.create_clip(xy, size, rounded)
    }
}
