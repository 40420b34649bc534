//! Compares the list of scenarios with what the tests say they cover.

use std::{collections::BTreeSet, fmt};

/// One source file of AnyIO's or Trio's tests.
struct Area {
    /// As `anyio: test_futures`.
    title: String,
    is_complete: bool,
    /// As `anyio/test_result`.
    scenarios: Vec<String>,
}

/// How far each file is, and what is wrong.
pub(crate) struct Report {
    areas: Vec<Area>,
    covered: BTreeSet<String>,
    not_applicable: BTreeSet<String>,
    complaints: Vec<String>,
}

impl Report {
    /// `scenarios` and `excuses` are SCENARIOS.md and NOT_APPLICABLE.md, `sources` the tests with
    /// their paths.
    pub(crate) fn of<'a>(
        scenarios: &str,
        excuses: &str,
        sources: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut complaints = Vec::new();
        let areas = areas(scenarios);
        let mut known = BTreeSet::new();
        for name in areas.iter().flat_map(|area| &area.scenarios) {
            if !known.insert(name.clone()) {
                complaints.push(format!("SCENARIOS.md lists {name} twice"));
            }
        }
        let mut covered = BTreeSet::new();
        let (not_applicable, in_part) = not_applicable(excuses);
        for (path, text) in sources {
            for (line, name) in covers(text) {
                if !known.contains(&name) {
                    complaints
                        .push(format!("{path}:{line} covers {name}: SCENARIOS.md has no such"));
                } else if not_applicable.contains(&name) {
                    complaints
                        .push(format!("{path}:{line} covers {name}: NOT_APPLICABLE.md denies it"));
                }
                covered.insert(name);
            }
        }
        for name in not_applicable.union(&in_part).filter(|name| !known.contains(*name)) {
            complaints.push(format!("NOT_APPLICABLE.md has {name}: SCENARIOS.md has no such"));
        }
        for name in in_part.difference(&covered) {
            complaints.push(format!("{name} does not apply in part, and nothing covers the rest"));
        }
        let mut report = Self { areas, covered, not_applicable, complaints };
        for area in report.areas.iter().filter(|area| area.is_complete) {
            if let open @ 1.. = report.open(area).count() {
                report.complaints.push(format!("{} is marked complete: {open} open", area.title));
            }
        }
        report
    }

    /// Whether there is nothing to complain of.
    pub(crate) fn is_clean(&self) -> bool {
        self.complaints.is_empty()
    }

    fn open<'a>(&'a self, area: &'a Area) -> impl Iterator<Item = &'a String> {
        let is_open =
            |name: &&String| !self.covered.contains(*name) && !self.not_applicable.contains(*name);
        area.scenarios.iter().filter(is_open)
    }
}

/// The numbers of each file, then what is open, then what is wrong.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |title: &str, columns: [&dyn fmt::Display; 3], mark: &str| {
            let [covered, excused, open] = columns;
            writeln!(f, "{title:<40} {covered:>8} {excused:>8} {open:>8}  {mark}")
        };
        row("", [&"covered", &"n.a.", &"open"], "")?;
        let mut sums = [0; 3];
        for area in &self.areas {
            let open = self.open(area).count();
            let excused =
                area.scenarios.iter().filter(|name| self.not_applicable.contains(*name)).count();
            let numbers = [area.scenarios.len() - excused - open, excused, open];
            let [covered, excused, open] = &numbers;
            let mark = if area.is_complete { "complete" } else { "" };
            row(&area.title, [covered, excused, open], mark)?;
            for (sum, number) in sums.iter_mut().zip(numbers) {
                *sum += number;
            }
        }
        let [covered, excused, open] = &sums;
        row("all", [covered, excused, open], "")?;
        for area in &self.areas {
            let open: Vec<_> = self.open(area).filter_map(|name| name.split('/').nth(1)).collect();
            if !open.is_empty() {
                writeln!(f, "\nopen in {}:\n  {}", area.title, open.join("\n  "))?;
            }
        }
        self.complaints.iter().try_for_each(|complaint| writeln!(f, "\nerror: {complaint}"))
    }
}

/// `## anyio: test_futures (complete)`, then `- test_result` and so on.
fn areas(scenarios: &str) -> Vec<Area> {
    let mut areas = Vec::<Area>::new();
    for line in scenarios.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            let open = title.strip_suffix(" (complete)");
            let title = open.unwrap_or(title).to_owned();
            areas.push(Area { title, is_complete: open.is_some(), scenarios: Vec::new() });
        } else if let (Some(name), Some(area)) = (line.strip_prefix("- "), areas.last_mut()) {
            let project = area.title.split(':').next().unwrap_or_default();
            area.scenarios.push(format!("{project}/{name}"));
        }
    }
    areas
}

/// The scenarios that comments of a source name, with the numbers of their lines.
fn covers(source: &str) -> impl Iterator<Item = (usize, String)> {
    (1..).zip(source.lines()).filter_map(|(number, line)| {
        let comment = line.trim_start().strip_prefix("//")?.trim_start_matches(['/', '!', ' ']);
        Some((number, comment.strip_prefix("Covers:")?.trim().to_owned()))
    })
}

/// What does not apply at all, and what only in part: the first columns of the tables before and
/// after the heading `## In part`.
fn not_applicable(excuses: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let names = |text: &str| {
        let rows = text.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
        let names = rows.flat_map(|first| first.split(',')).map(str::trim);
        names.filter(|name| name.contains('/')).map(str::to_owned).collect()
    };
    let (whole, in_part) = excuses.split_once("## In part").unwrap_or((excuses, ""));
    (names(whole), names(in_part))
}

#[cfg(test)]
mod tests {
    use super::Report;

    const SCENARIOS: &str = "# Scenarios\n\n- not one\n\n## anyio: test_a (complete)\n\n- test_1\n\
                             - TestB::test_2\n\n## trio: test_c\n\n- test_1\n- test_3\n";

    fn report(excuses: &str, source: &str) -> (Vec<String>, String) {
        let report = Report::of(SCENARIOS, excuses, [("some.rs", source)]);
        assert_eq!(report.is_clean(), report.complaints.is_empty());
        (report.complaints.clone(), report.to_string())
    }

    #[test]
    fn counts_by_file() {
        let source =
            "  //! Covers: anyio/test_1\n// Covers: trio/test_3\nlet x = \"Covers: no\";\n";
        let (complaints, text) = report("| anyio/TestB::test_2, trio/x | why |", source);
        assert_eq!(complaints, ["NOT_APPLICABLE.md has trio/x: SCENARIOS.md has no such"]);
        let numbers: Vec<Vec<_>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(numbers[1], ["anyio:", "test_a", "1", "1", "0", "complete"]);
        assert_eq!(numbers[2], ["trio:", "test_c", "1", "0", "1"]);
        assert_eq!(numbers[3], ["all", "2", "1", "1"]);
        assert!(text.contains("open in trio: test_c:\n  test_1\n"), "{text}");
    }

    #[test]
    fn complete_files_have_nothing_open() {
        let (complaints, _) = report("", "/// Covers: anyio/test_1\n");
        assert_eq!(complaints, ["anyio: test_a is marked complete: 1 open"]);
    }

    #[test]
    fn names_that_do_not_exist_are_told() {
        let all =
            "/// Covers: anyio/test_1\n/// Covers: anyio/TestB::test_2\n/// Covers: anyio/test_3\n";
        let (complaints, _) = report("", all);
        assert_eq!(complaints, ["some.rs:3 covers anyio/test_3: SCENARIOS.md has no such"]);
    }

    #[test]
    fn nothing_is_covered_and_ruled_out() {
        let source = "/// Covers: anyio/test_1\n/// Covers: anyio/TestB::test_2\n";
        let (complaints, _) = report("| anyio/test_1 | why |", source);
        assert_eq!(complaints, ["some.rs:1 covers anyio/test_1: NOT_APPLICABLE.md denies it"]);
        let in_part = "| a | b |\n\n## In part\n\n| anyio/test_1 | why |\n| trio/test_1 | why |\n";
        let (complaints, _) = report(in_part, source);
        assert_eq!(complaints, ["trio/test_1 does not apply in part, and nothing covers the rest"]);
    }
}
