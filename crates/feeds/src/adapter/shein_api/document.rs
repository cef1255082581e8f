//! The fields of a product-detail document that are needed. Everything else in it (nine tenths) is
//! skipped.

use serde::Deserialize;

use crate::lenient::{Digits, Entries, List, Text, object};

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Document<'a> {
    #[serde(borrow)]
    pub code: Option<Text<'a>>,
    #[serde(borrow)]
    pub msg: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub info: Option<Info<'a>>,
}

/// What is left of a document that cannot be read as a whole.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Head<'a> {
    #[serde(borrow)]
    pub code: Option<Text<'a>>,
    #[serde(borrow)]
    pub msg: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Info<'a> {
    #[serde(borrow, default, deserialize_with = "object", rename = "productInfo")]
    pub product: Option<ProductInfo<'a>>,
    #[serde(borrow, default, deserialize_with = "object", rename = "saleAttr")]
    pub sale: Option<SaleAttr<'a>>,
    #[serde(borrow, default, deserialize_with = "object", rename = "brandDetailInfo")]
    pub brand: Option<Brand<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Brand<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct ProductInfo<'a> {
    #[serde(borrow)]
    pub goods_id: Option<Digits<'a>>,
    #[serde(borrow)]
    pub goods_sn: Option<Text<'a>>,
    #[serde(borrow)]
    pub goods_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub goods_img: Option<Text<'a>>,
    #[serde(borrow)]
    pub cat_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub is_on_sale: Option<Text<'a>>,
    #[serde(borrow, rename = "productRelationID")]
    pub relation: Option<Text<'a>>,
    #[serde(borrow, default, rename = "cateInfos")]
    pub categories: Entries<'a, Category<'a>>,
    #[serde(borrow, default, deserialize_with = "object", rename = "currentSkcImgInfo")]
    pub images: Option<CurrentImages<'a>>,
    #[serde(borrow, default, rename = "allColorDetailImages")]
    pub colour_images: Entries<'a, List<ColourImage<'a>>>,
    #[serde(borrow, default, deserialize_with = "object", rename = "productDescriptionInfo")]
    pub description: Option<Description<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Category<'a> {
    #[serde(borrow)]
    pub category_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub category_name_en: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub parent_ids: List<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct CurrentImages<'a> {
    #[serde(borrow, default, rename = "skcImages")]
    pub skc: List<Option<Text<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct ColourImage<'a> {
    #[serde(borrow)]
    pub origin_image: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Description<'a> {
    #[serde(borrow, default, rename = "productDetails")]
    pub details: List<Detail<'a>>,
    #[serde(borrow)]
    pub goods_desc: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Detail<'a> {
    #[serde(borrow)]
    pub attr_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub attr_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub attr_name_en: Option<Text<'a>>,
    #[serde(borrow)]
    pub attr_value: Option<Text<'a>>,
    #[serde(borrow)]
    pub attr_value_en: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct SaleAttr<'a> {
    #[serde(borrow, default, deserialize_with = "object", rename = "mainSaleAttribute")]
    pub main: Option<MainAttribute<'a>>,
    #[serde(borrow, default, deserialize_with = "object", rename = "multiLevelSaleAttribute")]
    pub levels: Option<Levels<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct MainAttribute<'a> {
    #[serde(borrow, default)]
    pub info: List<Colour<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Colour<'a> {
    #[serde(borrow)]
    pub goods_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub goods_url_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub attr_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub attr_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub attr_value: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Levels<'a> {
    #[serde(borrow, default)]
    pub sku_list: List<Sku<'a>>,
    #[serde(borrow, default)]
    pub skc_sale_attr: List<Axis<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Axis<'a> {
    #[serde(borrow, default)]
    pub attr_value_list: List<AxisValue<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct AxisValue<'a> {
    #[serde(borrow)]
    pub attr_value_id: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Sku<'a> {
    #[serde(borrow)]
    pub sku_code: Option<Digits<'a>>,
    #[serde(borrow)]
    pub stock: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "object", rename = "priceInfo")]
    pub price: Option<PriceInfo<'a>>,
    #[serde(borrow, default)]
    pub sku_sale_attr: List<Choice<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Choice<'a> {
    #[serde(borrow)]
    pub attr_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub attr_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub attr_name_en: Option<Text<'a>>,
    #[serde(borrow)]
    pub attr_value_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub attr_value_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub attr_value_name_en: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct PriceInfo<'a> {
    #[serde(borrow, default, deserialize_with = "object", rename = "salePrice")]
    pub sale: Option<Amounts<'a>>,
    #[serde(borrow, default, deserialize_with = "object", rename = "retailPrice")]
    pub retail: Option<Amounts<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Amounts<'a> {
    #[serde(borrow)]
    pub amount: Option<Digits<'a>>,
    #[serde(borrow, rename = "amountWithSymbol")]
    pub with_symbol: Option<Text<'a>>,
    #[serde(borrow, rename = "usdAmount")]
    pub usd: Option<Digits<'a>>,
}
