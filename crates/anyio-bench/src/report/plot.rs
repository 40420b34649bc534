//! A plot with two logarithmic axes.

use std::fmt::Write as _;

/// A line in a plot.
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
/// Around the plot, where the words are.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
/// These can be told apart without seeing red or green.
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// From one power of ten to another one, over a length.
struct Axis {
    from: f64,
    to: f64,
    begin: f64,
    end: f64,
}

impl Axis {
    fn over(numbers: impl Iterator<Item = f64> + Clone, begin: f64, end: f64) -> Self {
        let from = numbers.clone().fold(f64::INFINITY, f64::min).log10().floor();
        let to = numbers.fold(0.0, f64::max).log10().ceil().max(from + 1.0);
        Self { from, to, begin, end }
    }

    fn place(&self, number: f64) -> f64 {
        let part = (number.log10() - self.from) / (self.to - self.from);
        self.begin + part * (self.end - self.begin)
    }

    /// The powers of ten on it.
    #[expect(clippy::cast_possible_truncation, reason = "small whole numbers")]
    fn ticks(&self) -> impl Iterator<Item = i32> + use<> {
        self.from as i32..=self.to as i32
    }
}

/// The plot as an SVG.
pub(super) fn svg(title: &str, x_name: &str, y_name: &str, series: &[Series]) -> String {
    let points = || series.iter().flat_map(|series| series.points.iter());
    let x = Axis::over(points().map(|point| point.0), LEFT, WIDTH - RIGHT);
    let y = Axis::over(points().map(|point| point.1), HEIGHT - BOTTOM, TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\">{title}</text>\n"
    );
    for tick in x.ticks() {
        let at = x.place(10f64.powi(tick));
        let (top, bottom) = (TOP, HEIGHT - BOTTOM);
        line(&mut svg, (at, top), (at, bottom), "#ddd");
        text(&mut svg, (at, bottom + 18.0), "middle", &power(tick));
    }
    for tick in y.ticks() {
        let at = y.place(10f64.powi(tick));
        line(&mut svg, (LEFT, at), (WIDTH - RIGHT, at), "#ddd");
        text(&mut svg, (LEFT - 8.0, at + 4.0), "end", &power(tick));
    }
    text(&mut svg, ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 10.0), "middle", x_name);
    text(&mut svg, (8.0, TOP - 8.0), "start", y_name);
    for (index, series) in series.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let place = |point: &(f64, f64)| format!("{:.1},{:.1}", x.place(point.0), y.place(point.1));
        let points: Vec<_> = series.points.iter().map(place).collect();
        _ = writeln!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>",
            points.join(" "),
        );
        let (left, at) = (LEFT + 12.0, TOP + 14.0 + 16.0 * index as f64);
        line(&mut svg, (left, at - 4.0), (left + 18.0, at - 4.0), colour);
        text(&mut svg, (left + 24.0, at), "start", series.name);
    }
    svg += "</svg>\n";
    svg
}

fn power(exponent: i32) -> String {
    match exponent {
        0..=3 => 10i32.pow(exponent.unsigned_abs()).to_string(),
        4..=5 => format!("{}k", 10i32.pow(exponent.unsigned_abs() - 3)),
        6..=8 => format!("{}M", 10i32.pow(exponent.unsigned_abs() - 6)),
        _ => format!("1e{exponent}"),
    }
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), colour: &str) {
    _ = writeln!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>",
        from.0, from.1, to.0, to.1,
    );
}

fn text(svg: &mut String, at: (f64, f64), anchor: &str, words: &str) {
    _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{words}</text>",
        at.0, at.1,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_is_as_long_as_its_powers_of_ten() {
        let axis = Axis::over([3.0, 400.0].into_iter(), 0.0, 30.0);
        assert_eq!(axis.ticks().collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert!((axis.place(100.0) - 20.0).abs() < 1e-9);
    }
}
