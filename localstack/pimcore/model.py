"""The class model: which fields there are, how they look in the editor, and who may write them.

Everything that Pimcore imports is generated from these tables by generate.py. A field is `(name, type, title, options)`;
what an option does not say comes from generate.py's defaults for the type.
"""

GROUP = "Catalog"
LANGUAGES = ["en", "ar"]

# Options that come together.
LISTED = {"visibleGridView": True, "visibleSearch": True}
EDITABLE = {"noteditable": False}
EXTERNAL_ID = ("externalId", "input", "External id", {"columnLength": 190, "mandatory": True, "unique": True, "index": True, **LISTED})


def text(name, title, length, **options):
    """A single line of at most `length` characters."""
    return (name, "input", title, {"columnLength": length, **options})


def option(number):
    """An axis of a variant and its value on it."""
    return [text(f"option{number}Name", f"Option {number} name", 255), text(f"option{number}Value", f"Option {number} value", 255)]


# Rows of products. Pimcore forbids some field names, `language` and `value` among them: hence `lang` and `text`.
COLLECTIONS = {
    "CatalogImage": (
        "Image",
        [
            text("url", "URL", 2048, width=700),
            text("variantSku", "Variant SKU", 190),
            ("position", "numeric", "Position", {}),
        ],
    ),
    "CatalogAttribute": (
        "Attribute",
        [
            text("code", "Code", 190),
            text("lang", "Language", 16),
            text("name", "Name", 255),
            ("text", "textarea", "Text", {"height": 60}),
        ],
    ),
    "CatalogVariant": (
        "Variant",
        [
            text("sku", "SKU", 190),
            text("title", "Title", 255),
            *option(1),
            *option(2),
            *option(3),
            ("stock", "numeric", "Stock", {}),
            ("position", "numeric", "Position", {}),
        ],
    ),
    # What trade needs to know, a row each; what a variant says of itself has its SKU. New facts need no new column.
    "CatalogFact": (
        "Fact",
        [
            text("variantSku", "Variant SKU", 190),
            text("code", "Code", 64),
            text("name", "Name", 255),
            text("lang", "Language", 35),
            ("text", "textarea", "Text", {"height": 60}),
        ],
    ),
    "CatalogPrice": (
        "Price",
        [
            text("sku", "SKU", 190),
            text("currency", "Currency", 8),
            text("amount", "Amount", 64),
            text("listAmount", "List amount", 64),
        ],
    ),
}


def rows(name, title, collection):
    """A list of rows of one type."""
    return (name, "fieldcollections", title, {"allowedTypes": [collection]})


def localized(*fields):
    """Fields with a value per language."""
    return ("localizedfields", "localizedfields", "", {"children": list(fields)})


# Each class: id, then the tabs. A tab is a list of groups `(title, fields)`; a group without title is not framed.
# Tab "Source" is written by the pipeline only; tab "Shop" belongs to people, and the Data Hub configuration does not offer
# its fields to mutations.
CLASSES = {
    "CatalogCategory": (
        "catalog_category",
        {
            "Source": [
                (
                    None,
                    [
                        EXTERNAL_ID,
                        localized(text("name", "Name", 255, **LISTED)),
                        text("slug", "Slug", 255),
                    ],
                )
            ],
            "Shop": [
                (
                    None,
                    [
                        text("shopHandle", "Shop category handle", 255, index=True, tooltip="Handle of an existing category of the shop", **LISTED, **EDITABLE),
                        ("hidden", "checkbox", "Hidden in the shop", {**LISTED, **EDITABLE}),
                    ],
                )
            ],
        },
    ),
    "CatalogProduct": (
        "catalog_product",
        {
            "Source": [
                (
                    "Identity",
                    [
                        EXTERNAL_ID,
                        text("source", "Source", 64, index=True, **LISTED),
                        text("sku", "SKU", 190, index=True, **LISTED),
                        text("groupId", "Group id", 190, index=True),
                        text("brand", "Brand", 190, index=True, **LISTED),
                        text("url", "URL", 2048, width=700),
                    ],
                ),
                (
                    "Texts",
                    [
                        localized(
                            text("name", "Name", 512, width=700, **LISTED),
                            # Not rich text: Pimcore rewrites rich text on save, so it would never equal what was sent.
                            ("description", "textarea", "Description (HTML source)", {"width": 900}),
                        )
                    ],
                ),
                ("Assignment", [("categories", "manyToManyObjectRelation", "Categories", {})]),
                (
                    "Collections",
                    [
                        rows("images", "Images", "CatalogImage"),
                        rows("variants", "Variants", "CatalogVariant"),
                        rows("prices", "Prices", "CatalogPrice"),
                        rows("attributes", "Attributes", "CatalogAttribute"),
                        rows("facts", "Facts", "CatalogFact"),
                    ],
                ),
                (
                    "Transfer",
                    [
                        text("contentHash", "Content hash", 64, index=True),
                        text("sourceVersion", "Source version", 64),
                        text("feedRun", "Feed run", 64, index=True),
                        ("warnings", "textarea", "Warnings", {"height": 120}),
                        ("importedAt", "datetime", "Imported at", {}),
                        ("withdrawn", "checkbox", "Withdrawn by the source", {**LISTED}),
                    ],
                ),
            ],
            "Shop": [
                (
                    None,
                    [
                        localized(
                            text("marketingName", "Marketing name", 512, width=700, **EDITABLE),
                            ("marketingDescription", "wysiwyg", "Marketing description", {**EDITABLE}),
                        ),
                        ("extraCategories", "manyToManyObjectRelation", "Extra categories", {**EDITABLE}),
                        ("shopVisibility", "select", "Shop visibility", {**LISTED, **EDITABLE}),
                        ("keepWhenWithdrawn", "checkbox", "Keep when withdrawn", {**EDITABLE}),
                    ],
                )
            ],
        },
    ),
}

# In which order GraphQL offers the fields, where it is not the order of the tabs.
COLUMN_ORDER = ["images", "attributes", "variants", "prices"]

DESCRIPTION = "catalog-relay: products and categories below /catalog"
FOLDERS = ["/catalog/products", "/catalog/categories"]
KEY_PLACEHOLDER = "CHANGE-ME-at-least-16-characters"
