//! What Pimcore imports, against what was exported from the real one and against the model of the
//! stand-in.

use crate::recording::folder;
use pim::model::{CATEGORY, Class, Field, Kind, Layer, PRODUCT};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn ours() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../localstack/pimcore")
}

fn json(path: &Path) -> Value {
    let mut value: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    // Pimcore sets the date when it imports.
    value.as_object_mut().unwrap().remove("modificationDate");
    value
}

/// What the class has gained since the real instance was recorded: fields are added, none that was
/// there changes.
const GAINED: &str = "facts";

fn as_recorded(mut definition: Value) -> Value {
    if let Some(children) = definition.get_mut("children").and_then(Value::as_array_mut) {
        children.retain(|child| child["name"] != GAINED);
        for child in children {
            *child = as_recorded(child.take());
        }
    }
    definition
}

#[test]
fn definitions_equal_the_exported_ones() {
    let Some(recorded) = folder("catalog/defs") else { return };
    let mut compared = 0;
    for entry in std::fs::read_dir(&recorded).unwrap() {
        let theirs = entry.unwrap().path();
        let name = theirs.file_name().unwrap();
        let mut own = json(&ours().join("definitions").join(name));
        own["layoutDefinitions"] = as_recorded(own["layoutDefinitions"].take());
        assert_eq!(own, json(&theirs), "{}", name.display());
        compared += 1;
    }
    assert_eq!(compared, 6);
}

#[test]
fn data_hub_configurations_equal_the_recorded_ones() {
    let Some(recorded) = folder("catalog/datahub") else { return };
    let lines = |path: PathBuf| -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap();
        let dated = |line: &&str| !line.contains("modificationDate:") && !line.contains("createDate:");
        text.lines().filter(dated).map(str::to_owned).collect()
    };
    for name in ["catalog.yaml", "catalog-no-delete.yaml"] {
        let mut own = lines(ours().join("datahub").join(name));
        // A column takes six lines, of which the fourth names its field.
        while let Some(at) = own.iter().position(|line| line.trim() == format!("attribute: {GAINED}")) {
            own.drain(at - 3..at + 3);
        }
        assert_eq!(own, lines(recorded.join(name)), "{name}");
    }
}

#[test]
fn the_files_are_what_the_model_generates() {
    let mut generator = Command::new("python3");
    generator.arg(ours().join("generate.py")).arg("--check").env("PYTHONDONTWRITEBYTECODE", "1");
    let output = generator.output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The data fields in a layout, each with whether it is localized.
fn fields(layout: &Value, localized: bool, found: &mut Vec<(Value, bool)>) {
    for child in layout["children"].as_array().into_iter().flatten() {
        let block = child["fieldtype"] == "localizedfields";
        if child["datatype"] == "data" && !block {
            found.push((child.clone(), localized));
        }
        fields(child, localized || block, found);
    }
}

fn described(field: &Field) -> (&'static str, i64) {
    match field.kind {
        Kind::Text(length) => ("input", i64::try_from(length).unwrap()),
        Kind::Textarea => ("textarea", 0),
        Kind::Wysiwyg => ("wysiwyg", 0),
        Kind::Select => ("select", 190),
        Kind::Datetime => ("datetime", 0),
        Kind::Checkbox => ("checkbox", 0),
        Kind::Integer => ("numeric", 0),
        Kind::Categories => ("manyToManyObjectRelation", 0),
        Kind::Rows(_) => ("fieldcollections", 0),
    }
}

fn same_fields(file: &str, model: &'static [Field], layers: bool) {
    let definition = json(&ours().join("definitions").join(file));
    let mut found = Vec::new();
    fields(&definition["layoutDefinitions"], false, &mut found);
    assert_eq!(found.len(), model.len(), "{file}");
    for (field, localized) in found {
        let name = field["name"].as_str().unwrap();
        let own = model.iter().find(|own| own.name == name).unwrap_or_else(|| panic!("{file}: {name}"));
        let length = field["columnLength"].as_i64().unwrap_or(0);
        assert_eq!(described(own), (field["fieldtype"].as_str().unwrap(), length), "{file}: {name}");
        assert_eq!(own.localized, localized, "{file}: {name}");
        assert_eq!(own.mandatory, field["mandatory"] == true, "{file}: {name}");
        if layers {
            // What only the pipeline writes cannot be edited in the form.
            assert_eq!(own.layer == Layer::Source, field["noteditable"] == true, "{file}: {name}");
        }
    }
}

#[test]
fn the_stand_in_has_the_fields_of_the_definitions() {
    for class in [&PRODUCT, &CATEGORY] as [&'static Class; 2] {
        same_fields(&format!("class_{}_export.json", class.name), class.fields, true);
        for field in class.fields {
            if let Kind::Rows(rows) = field.kind {
                same_fields(&format!("fieldcollection_{}_export.json", rows.name), rows.columns, false);
            }
        }
    }
}

/// Runs the installer on a project whose `php` only writes down what it is called with. Returns its
/// output and the calls.
fn install(project: &Path, key: &str) -> (std::process::Output, String) {
    use std::os::unix::fs::PermissionsExt as _;
    let calls = project.join("calls");
    for folder in ["bin", "var"] {
        std::fs::create_dir_all(project.join(folder)).unwrap();
    }
    std::fs::write(project.join("bin/console"), "").unwrap();
    std::fs::write(project.join("key"), format!("{key}\n")).unwrap();
    let php = project.join("php");
    std::fs::write(&php, format!("#!/bin/sh\necho \"$@\" >> {}\nenv >> {0}.env\n", calls.display())).unwrap();
    std::fs::set_permissions(&php, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", project.display(), std::env::var("PATH").unwrap());
    let output = Command::new(ours().join("install.sh"))
        .env("PATH", path)
        .env("PIMCORE_ROOT", project)
        .env("PIM_API_KEY_FILE", project.join("key"))
        .output()
        .unwrap();
    (output, std::fs::read_to_string(calls).unwrap_or_default())
}

#[test]
fn the_installer_takes_the_recorded_steps_in_their_order_and_shows_the_key_to_nobody() {
    let project = crate::scratch("install");
    let key = "a-key-of-the-test-0123456789";
    let (output, calls) = install(&project, key);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let steps = [
        "check.php before",
        "fieldcollection_CatalogImage_export.json",
        "fieldcollection_CatalogPrice_export.json",
        "class_CatalogCategory_export.json",
        "class_CatalogProduct_export.json",
        "folders.php",
        " cache:clear",
        "pimcore:cache:clear",
        "datahub:configuration:rebuild-workspaces",
        "datahub:graphql:rebuild-definitions",
        "check.php after",
    ];
    let places: Vec<_> =
        steps.iter().map(|step| calls.find(step).unwrap_or_else(|| panic!("{step}: {calls}"))).collect();
    assert!(places.is_sorted(), "{calls}");
    assert!(!calls.contains(key), "the key is no argument");
    assert!(!std::fs::read_to_string(project.join("calls.env")).unwrap().contains(key), "nor handed to php");

    let written = project.join("var/config/data_hub/catalog.yaml");
    let text = std::fs::read_to_string(&written).unwrap();
    assert!(text.contains(&format!("- '{key}'")) && !text.contains("CHANGE-ME"));
    let template = std::fs::read_to_string(ours().join("datahub/catalog-no-delete.yaml")).unwrap();
    assert_eq!(text.replace(&format!("'{key}'"), "CHANGE-ME-at-least-16-characters"), template);
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&written).unwrap().permissions()) & 0o777,
        0o640
    );

    assert!(install(&project, key).0.status.success(), "it can be run again");
    std::fs::remove_dir_all(&project).unwrap();
}

#[test]
fn the_installer_refuses_a_key_that_is_too_short_or_would_break_the_configuration() {
    let project = crate::scratch("refuse");
    for key in ["short", "0123456789abcdef'; drop", ""] {
        let (output, calls) = install(&project, key);
        assert!(!output.status.success() && calls.is_empty(), "{key}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("the key"), "{key}");
    }
    std::fs::remove_dir_all(&project).unwrap();
}
