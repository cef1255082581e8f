#!/usr/bin/env python3
"""Writes what Pimcore imports from the tables in model.py: class and field-collection definitions (JSON) under
definitions/, and the Data Hub configuration in two variants (YAML) under datahub/.

    generate.py           write the files
    generate.py --check   only say whether they are up to date; exit code 1 if not
"""

import json
import sys
from pathlib import Path

import model

HERE = Path(__file__).resolve().parent

# Pimcore sets its own dates when it imports.
DATE = 1704067200

LAYOUT = {
    "type": None,
    "region": None,
    "title": "",
    "width": "",
    "height": "",
    "collapsible": False,
    "collapsed": False,
    "bodyStyle": "",
    "datatype": "layout",
    "locked": False,
}
BARE = {**LAYOUT, "title": None, "width": 0, "height": 0, "bodyStyle": None}
PANEL = {"fieldtype": "panel", "layout": None, "border": False, "icon": None, "labelWidth": 100, "labelAlign": "left"}

FIELD = {
    "tooltip": "",
    "mandatory": False,
    "noteditable": True,
    "index": False,
    "locked": False,
    "style": "",
    "permissions": None,
    "relationType": False,
    "invisible": False,
    "visibleGridView": False,
    "visibleSearch": False,
    "datatype": "data",
}

# What Pimcore stores for a field of each type when nothing was changed.
TYPES = {
    "input": {
        "defaultValue": None,
        "columnLength": 190,
        "regex": "",
        "regexFlags": [],
        "unique": False,
        "showCharCount": False,
        "width": "",
        "defaultValueGenerator": "",
    },
    "textarea": {"maxLength": None, "showCharCount": False, "excludeFromSearchIndex": False, "height": 250, "width": 700},
    "wysiwyg": {"toolbarConfig": "", "excludeFromSearchIndex": False, "maxCharacters": 0, "height": "", "width": ""},
    "numeric": {
        "defaultValue": None,
        "integer": True,
        "unsigned": False,
        "minValue": None,
        "maxValue": None,
        "unique": False,
        "decimalSize": None,
        "decimalPrecision": None,
        "width": "",
        "defaultValueGenerator": "",
    },
    "checkbox": {"defaultValue": None, "defaultValueGenerator": ""},
    "datetime": {"defaultValue": None, "useCurrentDate": False, "respectTimezone": True, "columnType": "bigint(20)", "defaultValueGenerator": ""},
    "select": {
        "options": [{"key": value.capitalize(), "value": value} for value in ("inherit", "show", "hide")],
        "defaultValue": "inherit",
        "columnLength": 190,
        "dynamicOptions": False,
        "defaultValueGenerator": "",
        "width": "",
        "optionsProviderType": "configure",
        "optionsProviderClass": "",
        "optionsProviderData": "",
    },
    "manyToManyObjectRelation": {
        "relationType": True,
        "classes": [{"classes": "CatalogCategory"}],
        "displayMode": "grid",
        "pathFormatterClass": "",
        "maxItems": None,
        "visibleFields": "key,fullpath",
        "allowToCreateNewObject": False,
        "allowToClearRelation": True,
        "optimizedAdminLoading": True,
        "enableTextSelection": False,
        "visibleFieldDefinitions": [],
        "width": None,
        "height": None,
    },
    "fieldcollections": {
        "allowedTypes": [],
        "lazyLoading": True,
        "maxItems": None,
        "disallowAddRemove": False,
        "disallowReorder": False,
        "collapsed": True,
        "collapsible": True,
        "border": False,
    },
    "localizedfields": {
        "tooltip": None,
        "noteditable": False,
        "style": None,
        "visibleGridView": True,
        "visibleSearch": True,
        "region": None,
        "layout": None,
        "maxTabs": None,
        "border": False,
        "provideSplitView": False,
        "tabPosition": "top",
        "hideLabelsWhenTabsReached": None,
        "permissionView": None,
        "permissionEdit": None,
        "labelWidth": 100,
        "labelAlign": "left",
        "width": None,
        "height": None,
    },
}


def field(entry):
    """One field as Pimcore exports it."""
    name, kind, title, options = entry
    definition = {"name": name, "title": title, "fieldtype": kind, **FIELD, **TYPES[kind], **options}
    if kind == "localizedfields":
        definition["children"] = [field(child) for child in options["children"]]
    return definition


def tab(name, groups):
    """A tab with its groups."""
    children = []
    for title, fields in groups:
        entries = [field(entry) for entry in fields]
        if title is None:
            children += entries
        else:
            children.append({**LAYOUT, "name": title, "title": title, "fieldtype": "fieldset", "labelWidth": 140, "labelAlign": "left", "children": entries})
    title = "Source (read-only)" if name == "Source" else name
    return {**LAYOUT, **PANEL, "name": name, "title": title, "icon": "", "labelWidth": 140, "children": children}


def root(child):
    """What every layout hangs from."""
    return {**BARE, **PANEL, "name": "pimcore_root", "children": [child]}


def class_definition(name):
    """The export of a class."""
    identifier, tabs = model.CLASSES[name]
    shown = {"id": True, "key": False, "path": True, "published": True, "modificationDate": True, "creationDate": True}
    layout = {
        **LAYOUT,
        "name": "Layout",
        "fieldtype": "tabpanel",
        "border": False,
        "tabPosition": "top",
        "children": [tab(title, groups) for title, groups in tabs.items()],
    }
    return {
        "id": identifier,
        "title": "",
        "description": "",
        "modificationDate": DATE,
        "parentClass": "",
        "implementsInterfaces": "",
        "listingParentClass": "",
        "useTraits": "",
        "listingUseTraits": "",
        "allowInherit": False,
        "allowVariants": False,
        "showVariants": False,
        "layoutDefinitions": root(layout),
        "icon": "",
        "group": model.GROUP,
        "showAppLoggerTab": False,
        "linkGeneratorReference": "",
        "previewGeneratorReference": "",
        "compositeIndices": [],
        "showFieldLookup": False,
        "propertyVisibility": {"grid": shown, "search": dict(shown)},
        "enableGridLocking": False,
    }


def collection_definition(name):
    """The export of a field collection."""
    title, columns = model.COLLECTIONS[name]
    layout = {**BARE, **PANEL, "name": "Layout", "title": "", "children": [field(column) for column in columns]}
    return {"parentClass": "", "implementsInterfaces": "", "title": title, "group": model.GROUP, "layoutDefinitions": root(layout)}


def columns(name, tabs):
    """The fields of a class in the given tabs: name, type, localized or not; in the order in which GraphQL offers them."""
    found = []
    for title in tabs:
        for _, fields in model.CLASSES[name][1][title]:
            for entry in fields:
                inner = entry[3]["children"] if entry[1] == "localizedfields" else [entry]
                found += [(child[0], child[1], entry[1] == "localizedfields") for child in inner]
    rank = {name: place for place, name in enumerate(model.COLUMN_ORDER)}
    moved = iter(sorted((column for column in found if column[0] in rank), key=lambda column: rank[column[0]]))
    return [next(moved) if column[0] in rank else column for column in found]


def column(name, kind):
    """A column of the Data Hub configuration."""
    return {"isOperator": False, "attributes": {"attribute": name, "label": name, "dataType": kind}}


def collector(name, kind):
    """A localized field that is written in all languages at once, under its own name."""
    return {"isOperator": True, "attributes": {"type": "operator", "class": "LocaleCollector", "label": name, "children": [column(name, kind)]}}


def entity(name, system, tabs, collect):
    """A class as the configuration offers it."""
    fields = [collector(field, kind) if localized and collect else column(field, kind) for field, kind, localized in columns(name, tabs)]
    return {"columnConfig": {"columns": [column(field, "system") for field in system] + fields}}


def configuration(delete):
    """The Data Hub configuration `catalog`."""
    readable = ["id", "key", "fullpath", "published", "creationDate", "modificationDate"]
    names = ["CatalogProduct", "CatalogCategory"]
    queries = {name: {"id": name, "name": name, **entity(name, readable, ["Source", "Shop"], False)} for name in names}
    mutations = {
        name: {"id": name, "name": name, "create": True, "update": True, "delete": delete, **entity(name, ["key", "published"], ["Source"], True)}
        for name in names
    }
    special = ["document", "document_folder", "asset", "asset_folder", "asset_listing", "object_folder", "translation", "translation_listing"]
    rights = {"create": False, "update": False, "delete": False}
    return {
        "pimcore_data_hub": {
            "configurations": {
                "catalog": {
                    "general": {
                        "active": True,
                        "type": "graphql",
                        "name": "catalog",
                        "description": model.DESCRIPTION,
                        "sqlObjectCondition": "",
                        "path": None,
                        "modificationDate": DATE,
                        "createDate": DATE,
                    },
                    "schema": {
                        "queryEntities": queries,
                        "mutationEntities": mutations,
                        "specialEntities": {name: {"read": name == "object_folder", **rights} for name in special},
                    },
                    "security": {"method": "datahub_apikey", "apikey": [model.KEY_PLACEHOLDER], "skipPermissionCheck": False, "disableIntrospection": False},
                    "workspaces": {
                        "object": [{"read": True, "cpath": folder, "create": True, "update": True, "delete": delete} for folder in model.FOLDERS],
                        "asset": {},
                        "document": {},
                    },
                    "permissions": {"user": {}, "role": {}},
                }
            }
        }
    }


def yaml(value, indent=0):
    """A value as block YAML, the way Symfony writes it. Enough for what the configuration holds."""
    pad = " " * indent
    lines = []
    entries = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    for key, item in entries:
        head = f"{pad}-" if key is None else f"{pad}{key}:"
        if isinstance(item, (dict, list)) and item:
            lines += [head, *yaml(item, indent + 4)]
        else:
            lines.append(f"{head} {scalar(item)}")
    return lines


def scalar(item):
    """A value on one line."""
    if item == {}:
        return "{  }"
    if item is None:
        return "null"
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, int):
        return str(item)
    plain = item and all(character.isalnum() or character in "_-/" for character in item)
    return item if plain else "'" + item.replace("'", "''") + "'"


def files():
    """Every file by path."""
    found = {}
    for name in model.COLLECTIONS:
        found[f"definitions/fieldcollection_{name}_export.json"] = collection_definition(name)
    for name in model.CLASSES:
        found[f"definitions/class_{name}_export.json"] = class_definition(name)
    texts = {path: json.dumps(value, ensure_ascii=False, indent=4) + "\n" for path, value in found.items()}
    texts["datahub/catalog.yaml"] = "\n".join(yaml(configuration(True))) + "\n"
    texts["datahub/catalog-no-delete.yaml"] = "\n".join(yaml(configuration(False))) + "\n"
    return texts


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    stale = []
    for path, text in files().items():
        target = HERE / path
        if check:
            if not target.is_file() or target.read_text(encoding="utf-8") != text:
                stale.append(path)
        else:
            target.parent.mkdir(exist_ok=True)
            target.write_text(text, encoding="utf-8")
    if stale:
        sys.exit("not what model.py says, run generate.py: " + ", ".join(stale))


if __name__ == "__main__":
    main()
