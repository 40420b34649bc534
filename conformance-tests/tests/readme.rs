//! README.md names cases and rules that exist, and all the rules there are.
//!
//! Reads the sources of the cases: to ask a [`Suite`](anyio_conformance::Suite) would compile all of
//! them for one more backend.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const README: &str = include_str!("../README.md");

/// What stands in the place of cases where there are none.
const EXCUSES: [&str; 2] = ["not built yet", "measured by the benchmarks"];

/// The files of the cases.
fn sources() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cases");
    let files = fs::read_dir(folder).expect("the cases are there");
    let text = |file: fs::DirEntry| fs::read_to_string(file.path()).expect("it is text");
    files.map(|file| text(file.expect("it can be listed"))).collect()
}

/// All that the suite has, from its lists: `list![B, area: case, case]`.
fn cases() -> BTreeSet<String> {
    let mut cases = BTreeSet::new();
    for source in sources() {
        for list in source.split("list![B, ").skip(1) {
            let list = list.split(']').next().unwrap_or_default();
            let (area, names) = list.split_once(':').expect("the area comes first");
            let names = names.lines().map(|line| line.split("//").next().unwrap_or_default());
            let names: Vec<_> = names.flat_map(|line| line.split(',')).map(str::trim).collect();
            let names = names.into_iter().filter(|name| !name.is_empty());
            cases.extend(names.map(|name| format!("{area}::{name}")));
        }
    }
    assert!(cases.len() > 400, "the lists are not read as they should be");
    cases
}

/// The rules of the tables, each with the last column of its row.
fn rules() -> BTreeMap<&'static str, &'static str> {
    let mut rules = BTreeMap::new();
    for row in README.lines() {
        let columns: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        if let [id, _, shown] = *columns
            && is_rule(id)
        {
            assert_eq!(rules.insert(id, shown), None, "{id} is there twice");
        }
    }
    rules
}

/// As `C15`.
fn is_rule(word: &str) -> bool {
    let number = word.strip_prefix(['C', 'G', 'W', 'S', 'N']);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// The `area::case`s in a text.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split('`').skip(1).step_by(2);
    code.filter(|code| code.split("::").count() == 2 && code.chars().all(is_of_a_name))
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '_' | ':')
}

/// The rules that the cases say they belong to: `/// C3, C4: …`.
fn claimed() -> BTreeSet<String> {
    let mut claimed = BTreeSet::new();
    for source in sources() {
        for line in source.lines() {
            let Some((rules, _)) = line.strip_prefix("/// ").and_then(|doc| doc.split_once(':'))
            else {
                continue;
            };
            claimed.extend(rules.split(", ").filter(|word| is_rule(word)).map(str::to_owned));
        }
    }
    claimed
}

#[test]
fn cases_that_are_named_exist() {
    let cases = cases();
    let tables = README.split_once("## The guarantees").expect("there is such a part").1;
    assert!(named(tables).count() > 100, "the tables are not read as they should be");
    for case in named(tables) {
        assert!(cases.contains(case), "README.md names {case:?}, which the suite does not have");
    }
}

#[test]
fn rules_have_cases() {
    for (id, shown) in rules() {
        let excused = EXCUSES.contains(&shown);
        assert!(excused != (named(shown).count() > 0), "{id} has no case, or needs no excuse");
    }
}

#[test]
fn rules_are_complete() {
    let rules = rules();
    let design = (1..=15).map(|n| format!("C{n}")).chain((1..=14).map(|n| format!("G{n}")));
    for id in design {
        assert!(rules.contains_key(&*id), "{id} is not in README.md");
    }
}

#[test]
fn rules_of_the_cases_are_shown() {
    let rules = rules();
    let claimed = claimed();
    assert!(claimed.len() > 20, "the cases are not read as they should be");
    for id in claimed {
        let shown = rules.get(&*id).copied().unwrap_or_default();
        assert!(named(shown).count() > 0, "there are cases of {id}: name one in README.md");
    }
}

#[test]
fn areas_are_shown() {
    let area_of = |case: &str| case.split("::").next().unwrap_or_default().to_owned();
    let shown: BTreeSet<_> = rules().into_values().flat_map(named).map(area_of).collect();
    for case in cases() {
        let area = area_of(&case);
        assert!(shown.contains(&area), "no rule of README.md names a case of {area:?}");
    }
}
