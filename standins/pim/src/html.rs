//! The pages as text. Everything that comes from the database is escaped; nothing is rendered as
//! HTML, not even rich text.

use ammonia::clean_text as escape;
use serde_json::Value;
use std::fmt::Write as _;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:0 auto;padding:0 1rem 4rem;color:#1c1c1c}\
.stand-in{background:#fff3cd;border:1px solid #d9b300;padding:.5rem 1rem;margin:1rem 0}\
table{border-collapse:collapse;width:100%}td,th{text-align:start;padding:.25rem .5rem;border-bottom:1px solid #ddd;\
vertical-align:top}pre{white-space:pre-wrap;margin:0;max-height:14rem;overflow:auto}fieldset{border:1px solid #bbb;\
margin:1rem 0}input[type=text],textarea,select{width:100%;box-sizing:border-box;font:inherit}.no{color:#a40000}\
nav a{margin-inline-end:1rem}.said{background:#e7f4e4;border:1px solid #6a6;padding:.5rem 1rem}";

/// A whole page around its content.
pub fn page(title: &str, content: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"UTF-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{0} · stand-in, not Pimcore</title><style>{STYLE}</style></head><body>\
         <p class=\"stand-in\"><strong>This is a stand-in, not Pimcore.</strong> It answers the pipeline's requests as a \
         recorded Pimcore did, and lets you do what a person would do there.</p>\
         <nav><a href=\"/\">Products</a><a href=\"/categories\">Categories</a></nav><h1>{0}</h1>{content}</body></html>\n",
        escape(title)
    )
}

/// A row of a listing.
#[derive(Debug)]
pub struct Row {
    /// The object's number.
    pub id: i64,
    pub path: String,
    /// What to call it, in two languages.
    pub names: [String; 2],
    pub external_id: String,
    pub published: bool,
    /// When it was saved last, readable.
    pub modified: String,
}

pub fn listing(title: &str, rows: &[Row], total: i64, search: &str, number: i64, pages: i64) -> String {
    let mut body = format!(
        "<form method=\"get\"><input type=\"text\" name=\"q\" value=\"{}\" dir=\"auto\" placeholder=\"name, external id, \
         SKU or key\" aria-label=\"Search\"> <button>Search</button></form><p>{total} found.</p>\
         <table><tr><th>Path</th><th>English</th><th>Arabic</th><th>External id</th><th>Published</th><th>Saved</th></tr>",
        escape(search)
    );
    for row in rows {
        let published = if row.published { "yes" } else { "<span class=\"no\">no</span>" };
        let _ = write!(
            body,
            "<tr><td><a href=\"/objects/{}\" dir=\"auto\">{}</a></td><td dir=\"auto\">{}</td><td dir=\"auto\">{}</td>\
             <td dir=\"auto\">{}</td><td>{published}</td><td>{}</td></tr>",
            row.id,
            escape(&row.path),
            escape(&row.names[0]),
            escape(&row.names[1]),
            escape(&row.external_id),
            escape(&row.modified)
        );
    }
    body.push_str("</table><p>");
    for (label, target, there) in [("« earlier", number - 1, number > 1), ("later »", number + 1, number < pages)] {
        if there {
            let _ = write!(body, "<a href=\"?q={}&amp;page={target}\">{label}</a> ", query_text(search));
        }
    }
    let _ = write!(body, "page {number} of {}</p>", pages.max(1));
    page(title, &body)
}

/// A text for the query part of an address: all but letters and digits as percent codes.
fn query_text(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// One object with both layers and the form for the one that people edit. `said` is the outcome of
/// the last act.
pub fn object(view: &Value, said: Option<&str>) -> String {
    let id = view["id"].as_i64().unwrap_or_default();
    let path = view["fullpath"].as_str().unwrap_or_default();
    let published = view["published"] == true;
    let mut body = String::new();
    if let Some(said) = said {
        let _ = write!(body, "<p class=\"said\" dir=\"auto\">{}</p>", escape(said));
    }
    let _ = write!(
        body,
        "<p dir=\"auto\">{} · number {id} · {} · saved at {} UTC</p>",
        escape(view["class"].as_str().unwrap_or("folder")),
        if published { "published" } else { "<span class=\"no\">not published</span>" },
        escape(&view["modificationDate"].as_i64().and_then(crate::text::show_datetime).unwrap_or_default())
    );
    if !view["draft"].is_null() {
        let _ = write!(body, "<p>A draft is waiting: <code>{}</code></p>", escape(&view["draft"].to_string()));
    }
    let action = if published { "unpublish" } else { "publish" };
    let _ = write!(
        body,
        "<form method=\"post\" action=\"/objects/{id}\"><fieldset><legend>Shop (people edit this)</legend>{}\
         <p><button name=\"action\" value=\"save\">Save</button> <button name=\"action\" value=\"{action}\">{action}</button>\
         </p></fieldset></form>\
         <form method=\"post\" action=\"/objects/{id}\" onsubmit=\"return confirm('Delete it?')\">\
         <button name=\"action\" value=\"delete\">delete</button></form>",
        inputs(view)
    );
    body.push_str("<h2>Source (read-only: the pipeline writes this)</h2><table>");
    for (name, value) in view["source"].as_object().into_iter().flatten() {
        let _ = write!(body, "<tr><th>{}</th><td>{}</td></tr>", escape(name), shown(value));
    }
    body.push_str("</table>");
    page(path, &body)
}

fn inputs(view: &Value) -> String {
    let fields = view["enrichment"].as_object().into_iter().flatten();
    fields.map(|(name, value)| input(name, value)).collect()
}

/// What a person edits one field with.
fn input(name: &str, value: &Value) -> String {
    let (field, label) = (escape(name), label(name));
    match (name, value) {
        (_, Value::Object(languages)) => {
            languages.iter().map(|(language, text)| in_language(name, &label, language, text)).collect()
        }
        ("shopVisibility", value) => {
            let options = crate::model::SHOP_VISIBILITY.iter().map(|option| {
                let chosen = if value == *option { " selected" } else { "" };
                format!("<option{chosen}>{option}</option>")
            });
            choice(&label, &field, &options.collect::<String>())
        }
        ("keepWhenWithdrawn" | "hidden", value) => {
            let answers = [("", Value::Null), ("yes", Value::Bool(true)), ("no", Value::Bool(false))];
            let options = answers.into_iter().map(|(answer, option)| {
                let chosen = if *value == option { " selected" } else { "" };
                let shown = if answer.is_empty() { "not set" } else { answer };
                format!("<option value=\"{answer}\"{chosen}>{shown}</option>")
            });
            choice(&label, &field, &options.collect::<String>())
        }
        (_, Value::Array(paths)) => {
            let lines: Vec<&str> = paths.iter().filter_map(Value::as_str).collect();
            format!(
                "<p><label>{label} (one path a line)<textarea name=\"{field}\" rows=\"3\" dir=\"auto\">{}</textarea>\
                 </label></p>",
                escape(&lines.join("\n"))
            )
        }
        (_, value) => line(&label, &field, &escape(value.as_str().unwrap_or_default())),
    }
}

fn in_language(name: &str, label: &str, language: &str, text: &Value) -> String {
    let field = format!("{}.{}", escape(name), escape(language));
    let label = format!("{label}, {}", escape(language));
    let text = escape(text.as_str().unwrap_or_default());
    if name == "marketingDescription" {
        format!(
            "<p><label>{label} (HTML)<textarea name=\"{field}\" rows=\"4\" dir=\"auto\">{text}</textarea></label></p>"
        )
    } else {
        line(&label, &field, &text)
    }
}

fn line(label: &str, field: &str, text: &str) -> String {
    format!("<p><label>{label}<input type=\"text\" name=\"{field}\" value=\"{text}\" dir=\"auto\"></label></p>")
}

fn choice(label: &str, field: &str, options: &str) -> String {
    format!("<p><label>{label}<select name=\"{field}\">{options}</select></label></p>")
}

/// The name of a field in words: `marketingName` is "Marketing name".
fn label(name: &str) -> String {
    let mut words = String::new();
    for (at, letter) in name.chars().enumerate() {
        match letter {
            upper if upper.is_uppercase() => words.extend([' '].into_iter().chain(upper.to_lowercase())),
            first if at == 0 => words.extend(first.to_uppercase()),
            other => words.push(other),
        }
    }
    escape(&words)
}

/// A value of the source layer.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "—".to_owned(),
        Value::String(text) => format!("<pre dir=\"auto\">{}</pre>", escape(text)),
        Value::Object(languages) => languages
            .iter()
            .map(|(language, text)| format!("<div><small>{}</small>{}</div>", escape(language), shown(text)))
            .collect(),
        Value::Array(rows) if rows.iter().all(Value::is_object) && !rows.is_empty() => table(rows),
        Value::Array(items) => items.iter().map(shown).collect(),
        other => escape(&other.to_string()),
    }
}

fn table(rows: &[Value]) -> String {
    let mut columns: Vec<&str> = Vec::new();
    for name in rows.iter().filter_map(Value::as_object).flat_map(|row| row.keys()) {
        if !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    let head: String = columns.iter().map(|name| format!("<th>{}</th>", escape(name))).collect();
    let lines: String = rows
        .iter()
        .map(|row| {
            let cells: String = columns.iter().map(|name| format!("<td>{}</td>", cell(&row[*name]))).collect();
            format!("<tr>{cells}</tr>")
        })
        .collect();
    format!("<table><tr>{head}</tr>{lines}</table>")
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => format!("<span dir=\"auto\">{}</span>", escape(text)),
        other => escape(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_from_the_database_becomes_markup() {
        let attack = "\"><script>x()</script>";
        let view = json!({
            "id": 1, "class": attack, "fullpath": attack, "published": false, "modificationDate": 1, "draft": attack,
            "source": { "name": { "en": attack }, "images": [{ attack: attack }], "brand": attack },
            "enrichment": { "marketingName": { "ar": attack }, "extraCategories": [attack], "shopHandle": attack },
        });
        let row = Row {
            id: 1,
            path: attack.into(),
            names: [attack.into(), attack.into()],
            external_id: attack.into(),
            published: true,
            modified: attack.into(),
        };
        for page in [object(&view, Some(attack)), listing(attack, &[row], 1, attack, 1, 2)] {
            assert!(!page.contains("<script"), "{page}");
            assert!(!page.contains(attack), "{page}");
        }
    }

    #[test]
    fn every_page_says_that_it_is_a_stand_in() {
        assert!(page("x", "").contains("stand-in, not Pimcore"));
    }
}
