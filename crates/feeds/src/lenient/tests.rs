//! Each form of a field, as suppliers write it.

use super::*;

#[derive(Debug, Deserialize, PartialEq)]
struct Sample<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    digits: Option<Digits<'a>>,
    #[serde(borrow, default)]
    entries: Entries<'a, Text<'a>>,
    #[serde(default)]
    nested: Nested<Vec<String>>,
    #[serde(borrow, default)]
    list: List<Named<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    object: Option<Named<'a>>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Named<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

fn read(json: &str) -> Sample<'_> {
    serde_json::from_str(json).unwrap()
}

#[test]
fn numbers_are_as_good_as_their_digits() {
    let sample = read(r#"{"text":31,"digits":23.80}"#);
    assert_eq!(sample.text.unwrap().0, "31");
    assert_eq!(sample.digits.unwrap().0, "23.80");
    assert_eq!(read(r#"{"digits":"23.80"}"#).digits.unwrap().0, "23.80");
}

#[test]
fn null_is_missing_and_an_empty_list_is_an_empty_object() {
    assert_eq!(read(r#"{"text":null,"digits":null,"entries":null,"nested":null}"#), read("{}"));
    assert_eq!(read(r#"{"entries":[]}"#), read("{}"));
    assert!(serde_json::from_str::<Sample<'_>>(r#"{"entries":[1]}"#).is_err());
    assert_eq!(read(r#"{"entries":"","list":"","object":""}"#), read("{}"));
    assert_eq!(read(r#"{"list":[],"object":[]}"#), read("{}"));
    assert_eq!(read(r#"{"list":{},"object":null}"#), read("{}"));
    for nothing in ["[]", "{}", "null", r#""""#, "[null]", "[[]]"] {
        let text = format!(r#"{{"text":{nothing},"digits":{nothing}}}"#);
        let sample = serde_json::from_str::<Sample<'_>>(&text).unwrap();
        assert_eq!((filled(&sample.text), given(&sample.digits)), (None, None), "{nothing}");
    }
}

#[test]
fn a_list_of_one_is_the_one_and_one_is_a_list_of_it() {
    let right = read(r#"{"text":"a","digits":"2.50","list":[{"name":"n"}],"object":{"name":"n"}}"#);
    assert_eq!(read(r#"{"text":["a"],"digits":[2.50],"list":{"name":"n"},"object":[{"name":"n"}]}"#), right);
    assert_eq!(
        read(r#"{"text":[["a"]],"digits":[["2.50"]],"list":{"0":{"name":"n"}},"object":[{"name":"n"}]}"#),
        right
    );
    assert_eq!(serde_json::from_str::<List<Text<'_>>>(r#""a""#).unwrap(), List(vec![Text(Cow::Borrowed("a"))]));
    assert_eq!(serde_json::from_str::<List<Text<'_>>>("7").unwrap(), List(vec![Text("7".into())]));
}

#[test]
fn what_is_not_known_is_never_read_as_nothing() {
    for unknown in [
        r#"{"text":["a","b"]}"#,
        r#"{"text":{"value":"a"}}"#,
        r#"{"digits":["1","2"]}"#,
        r#"{"digits":{"value":1}}"#,
        r#"{"object":"n"}"#,
        r#"{"object":false}"#,
        r#"{"object":0}"#,
        r#"{"object":["n"]}"#,
        r#"{"object":[{"name":"a"},{"name":"b"}]}"#,
        r#"{"list":[["n"]]}"#,
        r#"{"list":{"total":1,"items":[{"name":"n"}]}}"#,
        r#"{"list":{"0":{"name":"n"},"name":"m"}}"#,
        r#"{"list":"n"}"#,
        r#"{"list":false}"#,
        r#"{"entries":{"k":{"a":1}}}"#,
        r#"{"entries":"k"}"#,
    ] {
        assert!(serde_json::from_str::<Sample<'_>>(unknown).is_err(), "{unknown} was read");
    }
}

#[test]
fn words_of_truth_and_whole_numbers() {
    assert_eq!(
        ["1", "TRUE", "no", "0", "2", "", "on sale"].map(truth),
        [Some(true), Some(true), Some(false), Some(false), None, None, None]
    );
    assert_eq!(
        ["5", "5.0", "-2", "5.5", "5.", "", "many"].map(whole_number),
        [Some(5), Some(5), Some(-2), None, None, None, None]
    );
}

#[test]
fn json_within_a_string_is_read() {
    assert_eq!(read(r#"{"nested":"[\"a\"]"}"#).nested, read(r#"{"nested":["a"]}"#).nested);
    assert_eq!(read(r#"{"nested":"null"}"#).nested.0, None);
}

#[test]
fn unescaped_text_is_borrowed_and_escaped_text_decoded() {
    assert!(matches!(read(r#"{"text":"قميص"}"#).text.unwrap().0, Cow::Borrowed("قميص")));
    assert_eq!(read(r#"{"text":"\ud83d\ude00\n"}"#).text.unwrap().0, "😀\n");
}
