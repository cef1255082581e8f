//! The GraphQL schema of the configuration `catalog`, written out from the class model.
//!
//! Data Hub derives its schema from the class definitions in the same way, so this holds for every
//! field that the model gains; a test compares the result with the schema of the recorded instance.

use crate::model::{CATEGORY, Class, Field, Kind, Layer, PRODUCT, languages};
use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;
use std::fmt::Write as _;

/// Pimcore gives this input type another name in every request; ours changes with every start.
const METADATA_ITEM: &str = "element_metadata_item";

const SHARED: &str = r#"
schema { query: Query mutation: Mutations }
interface element { id: ID }
union object_tree = object_CatalogProduct | object_CatalogCategory | object_folder
union hotspot_metadata_object = object_CatalogProduct | object_CatalogCategory
union ElementProperty = property_checkbox | property_text | property_select | property_object | property_objectfolder
type property_checkbox { name: String type: String checked: Boolean }
type property_text { name: String type: String text: String }
type property_select { name: String type: String text: String }
type property_object { name: String type: String object: hotspot_metadata_object }
type property_objectfolder { name: String type: String object: object_folder }
type element_tag { id: ID name: String path: String }
input ElementTag { id: ID path: String }
type object_folder {
  id: ID key: String fullpath: String creationDate: Int modificationDate: Int parent: object_tree index: Int
  childrenSortBy: String children(objectTypes: [String]): [object_tree]
  properties(keys: [String]): [ElementProperty] _siblings(objectTypes: [String]): [object_tree]
}
"#;

/// The schema as text. `delete` adds the mutations that delete.
pub fn sdl(delete: bool, started: u64) -> String {
    let item = format!("{METADATA_ITEM}_{started:x}");
    let mut out = SHARED.to_owned();
    let languages: String = languages().iter().map(|language| format!("{language}: String ")).collect();
    // Writing to a String cannot fail, so the results below are dropped.
    let _ = writeln!(out, "input LocalizedString {{ {languages}}}");
    let _ = writeln!(out, "input {item} {{ name: String value: String }}");
    let _ =
        writeln!(out, "input ElementDescriptorInput {{ type: String id: Int fullpath: String metadata: [{item}] }}");
    let mut queries = String::new();
    let mut mutations = [String::new(), String::new(), String::new()];
    for class in [&PRODUCT, &CATEGORY] {
        object_type(&mut out, class);
        input_type(&mut out, class);
        let name = class.name;
        let _ = writeln!(out, "type {name}Connection {{ edges: [{name}Edge] totalCount: Int }}");
        let _ = writeln!(out, "type {name}Edge {{ cursor: String node: object_{name} }}");
        for verb in ["Create", "Update"] {
            let _ = writeln!(
                out,
                "type {verb}{name}Result {{ success: Boolean message: String \
                 output(defaultLanguage: String): object_{name} }}"
            );
        }
        let _ = writeln!(
            queries,
            "get{name}Listing(ids: String fullpaths: String tags: String defaultLanguage: String first: Int after: Int \
             sortBy: [String] sortOrder: [String] filter: String published: Boolean): {name}Connection\n\
             get{name}(id: Int fullpath: String defaultLanguage: String): object_{name}"
        );
    }
    for class in [&CATEGORY, &PRODUCT] {
        let name = class.name;
        let _ = writeln!(
            mutations[0],
            "create{name}(key: String! path: String parentId: Int defaultLanguage: String published: Boolean \
             omitMandatoryCheck: Boolean userId: Int type: String input: Update{name}Input): Create{name}Result"
        );
        let _ = writeln!(
            mutations[2],
            "update{name}(id: Int fullpath: String parentId: Int defaultLanguage: String omitMandatoryCheck: Boolean \
             omitVersionCreate: Boolean userId: Int input: Update{name}Input): Update{name}Result"
        );
        if delete {
            let _ = writeln!(mutations[1], "delete{name}(id: Int fullpath: String): Delete{name}Result");
            let _ = writeln!(out, "type Delete{name}Result {{ success: Boolean message: String }}");
        }
    }
    let _ = writeln!(
        out,
        "type Query {{ {queries} getObjectFolder(id: Int fullpath: String defaultLanguage: String): object_folder }}"
    );
    let _ = writeln!(out, "type Mutations {{ {} }}", mutations.concat());
    out
}

pub fn schema(delete: bool, started: u64) -> Valid<Schema> {
    Schema::parse_and_validate(sdl(delete, started), "catalog.graphql")
        .unwrap_or_else(|broken| unreachable!("the class model gives an invalid schema: {}", broken.errors))
}

/// Fields that every data object has.
const SYSTEM: &str = "id: ID key: String fullpath: String published: Boolean creationDate: Int modificationDate: Int \
    version: Int index: Int objectType: String classname: String childrenSortBy: String parent: object_tree \
    children(objectTypes: [String]): [object_tree] _siblings(objectTypes: [String]): [object_tree] \
    properties(keys: [String]): [ElementProperty] tags(name: String): [element_tag]";

fn object_type(out: &mut String, class: &Class) {
    let _ = writeln!(out, "type object_{} implements element {{ {SYSTEM}", class.name);
    for field in class.fields {
        let argument = if field.localized { "(language: String)" } else { "" };
        let _ = writeln!(out, "{}{argument}: {}", field.name, output_type(class, field));
    }
    out.push_str("}\n");
    for field in class.fields {
        match field.kind {
            Kind::Categories => {
                let _ = writeln!(out, "union object_{}_{} = object_CatalogCategory", class.name, field.name);
            }
            Kind::Rows(rows) => {
                let _ = writeln!(out, "union object_{}_{} = fieldcollection_{}", class.name, field.name, rows.name);
                let _ = writeln!(out, "type fieldcollection_{} {{ {}}}", rows.name, cells(rows.columns));
            }
            _ => {}
        }
    }
}

fn input_type(out: &mut String, class: &Class) {
    let _ = write!(out, "input Update{}Input {{ key: String published: Boolean ", class.name);
    for field in class.fields.iter().filter(|field| field.layer == Layer::Source) {
        let kind = match field.kind {
            _ if field.localized => "LocalizedString".to_owned(),
            Kind::Categories => "[ElementDescriptorInput]".to_owned(),
            Kind::Rows(_) => format!("fieldcollections_{}_input", field.name),
            kind => scalar(kind).to_owned(),
        };
        let _ = write!(out, "{}: {kind} ", field.name);
    }
    out.push_str("tags: [ElementTag] }\n");
    for field in class.fields {
        if let Kind::Rows(rows) = field.kind {
            let (name, row) = (field.name, rows.name);
            let _ = writeln!(
                out,
                "input fieldcollections_{name}_input {{ replace: Boolean items: fieldcollections_{name}_groups_input }}\n\
                 input fieldcollections_{name}_groups_input {{ {row}: [fieldcollections_{name}_{row}_input] }}\n\
                 input fieldcollections_{name}_{row}_input {{ {}index: Int }}",
                cells(rows.columns)
            );
        }
    }
}

fn cells(columns: &[Field]) -> String {
    columns.iter().map(|cell| format!("{}: {} ", cell.name, scalar(cell.kind))).collect()
}

fn output_type(class: &Class, field: &Field) -> String {
    match field.kind {
        Kind::Categories | Kind::Rows(_) => format!("[object_{}_{}]", class.name, field.name),
        kind => scalar(kind).to_owned(),
    }
}

fn scalar(kind: Kind) -> &'static str {
    match kind {
        Kind::Checkbox => "Boolean",
        Kind::Integer => "Int",
        _ => "String",
    }
}
