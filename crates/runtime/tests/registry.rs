//! The registry of metrics against what surrounds it: the sources that report, the alarms and the
//! dashboard that watch, the page that explains.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use runtime::metrics::{Metric, NAMESPACE, Scope, markdown};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&entry).expect("a text");
            found.push(text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned());
        }
    }
}

/// A metric as an alarm or a widget names it: name and names of the dimensions.
type Watched = (String, BTreeSet<String>);

/// The pipeline's metrics that the template watches: alarms as YAML, widgets as JSON.
fn watched(template: &str) -> Vec<Watched> {
    let mut found = Vec::new();
    for alarm in template.split("Type: AWS::CloudWatch::Alarm").skip(1) {
        let alarm = alarm.split("\n\n").next().unwrap_or_default();
        let value = |line: &str, name: &str| line.trim().strip_prefix(name).map(|rest| rest.trim().to_owned());
        if alarm.lines().any(|line| value(line, "Namespace:").as_deref() == Some(NAMESPACE)) {
            let name = alarm.lines().find_map(|line| value(line, "MetricName:")).expect("a metric");
            found.push((name, alarm.lines().filter_map(|line| value(line, "- Name:")).collect()));
        }
    }
    for line in template.lines().map(str::trim).filter(|line| line.starts_with(&format!("[\"{NAMESPACE}\","))) {
        assert!(line.contains("${AWS::StackName}"), "a widget of another stack: {line}");
        // Without the name's braces, those that are left begin the options.
        let line = line.replace("${AWS::StackName}", "stack");
        let texts: Vec<&str> = line.split('{').next().unwrap_or_default().split('"').skip(1).step_by(2).collect();
        found.push((texts[1].to_owned(), texts[2..].iter().step_by(2).map(|&text| text.to_owned()).collect()));
    }
    found
}

#[test]
fn every_alarm_and_widget_watches_a_metric_with_the_dimensions_it_is_reported_with() {
    let template = fs::read_to_string(root().join("template.yaml")).expect("template.yaml");
    let watched = watched(&template);
    assert!(watched.len() > 20, "the search finds too little: {watched:?}");
    for (name, dimensions) in watched {
        let metric = Metric::ALL.iter().map(|metric| metric.definition()).find(|one| one.name == name);
        let metric = metric.unwrap_or_else(|| panic!("the template watches {name}, which nobody reports"));
        let reported: BTreeSet<String> =
            ["Environment"].into_iter().chain(metric.scope.dimension()).map(str::to_owned).collect();
        assert_eq!(dimensions, reported, "dimensions of {name}");
    }
}

#[test]
fn every_metric_is_reported_by_the_functions_that_are_said_to() {
    let read = |folder: PathBuf| {
        let mut found = Vec::new();
        sources(&folder, &mut found);
        found.concat()
    };
    // What a shared crate reports for the functions that call it so.
    let shared =
        ["runtime", "withdrawal", "worker"].map(|name| (name, read(root().join("crates").join(name).join("src"))));
    let calls = [
        ("runtime", ".metrics.batch("),
        ("runtime", ".settle_one("),
        ("withdrawal", "withdrawal.handle("),
        ("worker", ".report_opened(&self.metrics)"),
    ];
    for metric in Metric::ALL {
        let reports = |source: &str| {
            let breaker = *metric == Metric::BreakerOpen && source.contains("metrics.breaker_open(");
            breaker || source.contains(&format!("Metric::{metric:?},"))
        };
        for function in metric.definition().from.split(", ") {
            let own = read(root().join("functions").join(function).join("src"));
            let through = calls.iter().any(|(name, call)| {
                own.contains(call) && shared.iter().any(|(shared, source)| shared == name && reports(source))
            });
            assert!(reports(&own) || through, "{function} does not report {metric:?}");
        }
    }
}

#[test]
fn names_are_distinct_and_a_breakdown_has_a_total() {
    let names: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.definition().name).collect();
    assert_eq!(names.len(), Metric::ALL.len());
    for metric in Metric::ALL {
        let definition = metric.definition();
        assert!(
            definition.by.is_none() || definition.scope == Scope::Function,
            "{metric:?}: broken down by two things"
        );
    }
}

#[test]
fn the_page_shows_the_registry_as_it_is() {
    let path = root().join("docs/metrics.md");
    if std::env::var("RELAY_WRITE_DOCS").is_ok() {
        fs::write(&path, markdown()).expect("written");
    }
    let shown = fs::read_to_string(&path).expect("docs/metrics.md");
    assert!(shown == markdown(), "docs/metrics.md is behind: RELAY_WRITE_DOCS=1 cargo test -p runtime --test registry");
}
