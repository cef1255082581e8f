//! Every `relay` command that the documentation or a remedy names is one that exists, with options
//! that exist.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::ErrorKind;
use relay::cli::Cli;
use relay::remedy;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The Markdown files of the repository, without what is installed or built.
fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "node_modules" {
                documents(&path, found);
            }
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// The commands in a text: lines of shell blocks, which are to be run as they are, and code within
/// sentences, which may name a command without its arguments.
fn commands(text: &str) -> Vec<(String, bool)> {
    let (mut found, mut shell, mut code) = (Vec::new(), false, false);
    let text = text.replace("target/debug/relay ", "relay ");
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(language) = trimmed.strip_prefix("```") {
            code = !code;
            shell = code && matches!(language, "sh" | "bash");
        } else if code {
            // Without its comment, and without where its output goes.
            let line = trimmed.split(" #").next().and_then(|line| line.split(" > ").next()).unwrap_or_default();
            found.extend((shell && line.starts_with("relay ")).then(|| (line.to_owned(), true)));
        } else {
            let inline = trimmed.split('`').skip(1).step_by(2).filter(|code| code.starts_with("relay "));
            found.extend(inline.map(|code| (code.to_owned(), false)));
        }
    }
    found
}

/// The words of a command, with something in place of each placeholder.
fn words(command: &str) -> Vec<String> {
    let (mut text, mut depth) = (String::new(), 0);
    for c in command.chars() {
        match c {
            '<' => depth += 1,
            '>' => {
                depth -= 1;
                text.push('1');
            }
            _ if depth == 0 => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().filter(|word| *word != "…").map(str::to_owned).collect()
}

fn complaint(command: &str, whole: bool) -> Option<String> {
    let error = Cli::try_parse_from(words(command)).err()?;
    let incomplete = matches!(
        error.kind(),
        ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    let asks_for_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let fine = asks_for_help || (incomplete && !whole);
    (!fine).then(|| format!("{command}\n{error}"))
}

#[test]
fn every_command_in_the_documentation_can_be_given() {
    let mut files = Vec::new();
    documents(&root(), &mut files);
    let mut known = 0;
    let mut wrong = Vec::new();
    for file in files {
        for (command, whole) in commands(&fs::read_to_string(&file).unwrap()) {
            known += 1;
            wrong.extend(complaint(&command, whole).map(|why| format!("{}: {why}", file.display())));
        }
    }
    assert!(known > 60, "only {known} commands found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_in_a_remedy_can_be_given() {
    let texts = remedy::all().map(remedy::Remedy::text);
    let wrong: Vec<String> =
        texts.flat_map(|text| commands(&text)).filter_map(|(command, _)| complaint(&command, true)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_does_not_exist_is_noticed() {
    for wrong in ["relay explode", "relay trace demo:1 --colour", "relay dlq unpark --cod x", "relay dlq unparked"] {
        assert!(complaint(wrong, false).is_some(), "{wrong}");
    }
    assert!(complaint("relay trace", true).is_some() && complaint("relay trace", false).is_none());
    assert_eq!(words("relay replay <key of the feed> --as-newest"), ["relay", "replay", "1", "--as-newest"]);
    let text = "Use `relay runs`.\n```sh\nrelay status   # all\nmake up\n```\n```mermaid\nrelay --> x\n```\n";
    assert_eq!(commands(text), [("relay runs".to_owned(), false), ("relay status  ".to_owned(), true)]);
}
