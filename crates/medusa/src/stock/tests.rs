//! Tables of single decisions.

use super::*;

mod history;

const MINUTE: i64 = 60_000;

fn said(at: i64) -> Said {
    Said { version: format!("v{at}"), at, edited: at, heard: at }
}

fn held(stocked: i64, reserved: &[(&str, i64)]) -> Held {
    let reserved = reserved.iter().map(|(line, pieces)| ((*line).to_owned(), *pieces)).collect();
    Held { stocked, reserved, by_hand: 0, at: 100 * MINUTE, touched: 0 }
}

fn line(id: &str, placed: i64, quantity: i64, fulfilled: i64) -> Line {
    Line {
        id: id.to_owned(),
        variant_id: None,
        sku: None,
        placed,
        cancelled: false,
        quantity,
        fulfilled,
        left: vec![],
        back: vec![],
    }
}

fn terms(json: &str) -> Terms {
    format!("{{\"default\":{json}}}").parse::<StockSettings>().unwrap().of("demo").clone()
}

fn apply(pieces: i64, at: i64, applied: Option<&Applied>, level: &Held, ours: &[Line], terms: &Terms) -> Applied {
    let said = said(at);
    sellable(&Figure { sku: "S", pieces, said: &said, terms }, applied, Some(level), ours, at + MINUTE)
}

fn by_time(ms: i64) -> String {
    format!("{:02}:{:02}", ms / 3_600_000, ms / MINUTE % 60)
}

#[test]
fn a_figure_becomes_what_the_settings_allow() {
    let table = [
        ("{}", 12, 12, "12 said"),
        ("{\"buffer\":2}", 12, 10, "12 said − 2 buffer"),
        ("{\"buffer\":20}", 12, 0, "12 said − 20 buffer"),
        ("{\"cap\":5}", 12, 5, "12 said, at most 5"),
        ("{\"cap\":5}", 5, 5, "5 said"),
        ("{\"minimum\":3}", 2, 0, "2 said, below 3: 0"),
        ("{\"minimum\":3}", 3, 3, "3 said"),
        ("{\"minimum\":3,\"buffer\":2,\"cap\":10}", 4, 0, "4 said − 2 buffer, below 3: 0"),
        ("{\"minimum\":3,\"buffer\":2,\"cap\":10}", 40, 10, "40 said − 2 buffer, at most 10"),
        ("{\"max_age_hours\":24}", 12, 12, "12 said"),
        ("{}", -3, 0, "-3 said"),
    ];
    for (settings, figure, pieces, text) in table {
        let limited = terms(settings).limited(figure, 0, 24 * 60 * MINUTE);
        assert_eq!((limited.pieces, limited.text.as_str(), limited.silent), (pieces, text, false), "{settings}");
    }
    let silent = terms("{\"max_age_hours\":24}").limited(12, 0, 24 * 60 * MINUTE + 1);
    assert_eq!((silent.pieces, silent.text.as_str()), (0, "12 said, nothing heard for 24 h: 0"));
}

#[test]
fn what_a_source_leaves_out_is_as_in_default() {
    let settings: StockSettings =
        "{\"default\":{\"buffer\":1,\"backorder\":true},\"shein-api\":{\"figure\":\"before-orders\",\"cap\":9}}"
            .parse()
            .unwrap();
    let own = settings.of("shein-api");
    assert_eq!((own.figure, own.buffer, own.cap, own.backorder), (Meaning::BeforeOrders, 1, Some(9), Some(true)));
    assert_eq!(settings.of("other").figure, Meaning::AfterOrders);
    assert_eq!("{}".parse::<StockSettings>().unwrap(), StockSettings::default());
}

#[test]
fn wrong_settings_are_refused_with_source_field_and_value() {
    let cases = [
        ("[]", "should be JSON such as"),
        ("{\"default\":{\"figure\":\"sometimes\"}}", "sometimes"),
        ("{\"default\":{\"buffr\":1}}", "buffr"),
        ("{\"default\":{\"buffer\":-1}}", "-1"),
        ("{\"a b\":{}}", "names \"a b\", which is no source"),
        (
            "{\"acme\":{\"cap\":2,\"minimum\":3}}",
            "acme: cap should be the minimum or more, for nothing would ever be sold, got: 2",
        ),
        ("{\"acme\":{\"max_age_hours\":0}}", "acme: max_age_hours should be an hour or more, got: 0"),
        (
            "{\"acme\":{\"location\":\"Riyadh\"}}",
            "acme: location should be the id of a stock location in Medusa (sloc_…), got: \"Riyadh\"",
        ),
    ];
    for (text, expected) in cases {
        let error = text.parse::<StockSettings>().unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn an_unchanged_figure_is_not_due_and_everything_that_changes_it_is() {
    let plain = Terms::default();
    let applied = apply(10, MINUTE, None, &held(10, &[]), &[], &plain);
    let is_due = |figure, said: &Said, applied: Option<&Applied>, there, marked, terms: &Terms| {
        due(figure, said, applied, there, marked, terms, 2 * MINUTE)
    };
    let newer = said(2 * MINUTE);
    assert_eq!(is_due(10, &newer, Some(&applied), true, Marked::Otherwise, &plain), Due::Nothing);
    assert_eq!(is_due(10, &newer, Some(&applied), true, Marked::Nothing, &plain), Due::Apply, "interrupted");
    assert_eq!(is_due(11, &newer, Some(&applied), true, Marked::Otherwise, &plain), Due::Apply);
    assert_eq!(is_due(10, &newer, Some(&applied), false, Marked::Otherwise, &plain), Due::Apply, "the level is gone");
    assert_eq!(is_due(10, &newer, Some(&applied), true, Marked::Otherwise, &terms("{\"buffer\":1}")), Due::Apply);
    assert_eq!(
        is_due(10, &newer, Some(&applied), true, Marked::Otherwise, &terms("{\"figure\":\"before-orders\"}")),
        Due::Apply
    );
    let pending = Applied { intent: Some(Intent { from: held(1, &[]), to: 2 }), ..applied.clone() };
    assert_eq!(is_due(10, &newer, Some(&pending), true, Marked::Otherwise, &plain), Due::Apply);
    // From before anything was remembered.
    assert_eq!(is_due(10, &newer, None, true, Marked::AsWanted, &plain), Due::Adopt);
    assert_eq!(is_due(10, &newer, None, true, Marked::Otherwise, &plain), Due::Apply);
    assert_eq!(is_due(10, &newer, None, false, Marked::AsWanted, &plain), Due::Apply);
    // What a write of it depended on would be remembered.
    let before = terms("{\"figure\":\"before-orders\"}");
    let moved = apply(10, MINUTE, None, &held(10, &[]), &[], &before);
    assert_eq!(is_due(10, &newer, Some(&moved), true, Marked::Nothing, &before), Due::Nothing);
    let strict = terms("{\"max_age_hours\":1}");
    let applied = apply(10, MINUTE, None, &held(10, &[]), &[], &strict);
    assert_eq!(due(10, &said(MINUTE), Some(&applied), true, Marked::Otherwise, &strict, 30 * MINUTE), Due::Nothing);
    assert_eq!(
        due(10, &said(MINUTE), Some(&applied), true, Marked::Otherwise, &strict, 62 * MINUTE),
        Due::Apply,
        "silent for too long"
    );
}

#[test]
fn a_figure_that_knows_our_orders_counts_those_since_its_time() {
    let since = 50 * MINUTE;
    let known = line("known", since - 1, 2, 0);
    let open = line("open", since, 2, 0);
    let part = line("part", since + 1, 3, 2);
    let gone = line("gone", since + 2, 1, 1);
    let cancelled = Line { cancelled: true, ..line("cancelled", since, 5, 0) };
    let back = Line { back: vec![Back { at: since + 9, pieces: 1 }], ..line("back", since, 2, 2) };
    // Placed after the level was read: its reservation will come by itself.
    let late = line("late", 100 * MINUTE, 4, 0);
    let level = held(30, &[("known", 2), ("open", 2), ("part", 1)]);
    let lines = [known, open, part, gone, cancelled, back, late];
    let applied = apply(20, since, None, &level, &lines, &terms("{\"buffer\":2}"));
    // 2 open, 3 part, 1 gone, 2 that came back in part: 8 of ours. 5 are reserved.
    assert_eq!(applied.stocked, 18 - 8 + 5);
    assert_eq!(applied.why.line(by_time), "20 said − 2 buffer − 8 ours since 00:50 = 10");
    // What people hold back by hand is held back from what is said, too.
    let level = Held { by_hand: 3, ..held(30, &[]) };
    assert_eq!(apply(20, since, None, &level, &[], &Terms::default()).stocked, 20);
}

#[test]
fn a_level_goes_below_what_is_reserved_but_not_below_nothing() {
    let plain = Terms::default();
    let (open, gone) = (line("open", 9, 4, 0), line("gone", 9, 3, 3));
    let level = held(7, &[("open", 4)]);
    let short = apply(2, 5, None, &level, std::slice::from_ref(&open), &plain);
    assert_eq!((short.stocked, short.owed), (2, 0), "available is −2, so that a cancellation sells nothing twice");
    let owing = apply(1, 5, None, &level, &[open, gone.clone()], &plain);
    assert_eq!((owing.stocked, owing.owed), (0, 2));
    let before = terms("{\"figure\":\"before-orders\"}");
    let first = apply(10, 5, None, &held(10, &[]), &[], &before);
    let sold = held(3, &[]);
    let fell = apply(2, 6, Some(&first), &sold, &[], &before);
    assert_eq!((fell.stocked, fell.owed), (0, 5));
    assert_eq!(apply(10, 7, Some(&fell), &held(0, &[]), &[], &before).stocked, 3, "what was owed is taken off");
}

#[test]
fn a_figure_that_knows_no_orders_moves_what_is_left() {
    let before = terms("{\"figure\":\"before-orders\"}");
    let first = apply(10, 5, None, &held(0, &[("open", 2)]), &[], &before);
    assert_eq!((first.stocked, first.why.line(by_time)), (10, "10 said − 2 in open orders = 8".to_owned()));
    let more = apply(15, 6, Some(&first), &held(7, &[("open", 2)]), &[], &before);
    assert_eq!(
        (more.stocked, more.why.line(by_time)),
        (12, "15 said; 5 left + 5 since the figure before = 10".to_owned())
    );
    let less = apply(4, 6, Some(&first), &held(7, &[("open", 2)]), &[], &before);
    assert_eq!(
        (less.stocked, less.why.line(by_time)),
        (1, "4 said; 5 left − 6 since the figure before = -1".to_owned())
    );
    // Another location is another level: the figure is new there.
    let elsewhere = terms("{\"figure\":\"before-orders\",\"location\":\"sloc_2\"}");
    assert_eq!(apply(15, 6, Some(&first), &held(0, &[]), &[], &elsewhere).stocked, 15);
}

#[test]
fn a_person_who_types_another_figure_means_it_as_of_then() {
    let applied = apply(10, 5, None, &held(10, &[]), &[], &Terms::default());
    let typed = Said { edited: 90, ..said(5) };
    let time = |figure, said: &Said, applied| figure_time(figure, said, applied, &Terms::default(), 99);
    assert_eq!(time(12, &typed, Some(&applied)), 90);
    assert_eq!(time(12, &said(7), Some(&applied)), 7);
    assert_eq!(time(12, &typed, None), 5);
}

#[test]
fn a_figure_is_as_old_as_its_own_line_whatever_is_said_of_its_siblings() {
    let told = |pieces, at, newer| Told { pieces, at, newer };
    let key: ProductKey = "demo:1".parse().unwrap();
    let each = Recall::each(&key, [("S".to_owned(), told(8, 40, false)), ("M".to_owned(), told(4, 90, true))]);
    let recall = Recall { said: said(90), each, ..Recall::default() };
    let at = |sku: &str, figure, applied: Option<&Applied>| recall.said_of(sku, figure, applied).at;
    assert_eq!((at("S", 8, None), at("M", 4, None)), (40, 90));
    assert_eq!(at(&crate::own_sku::own(&key, "S"), 8, None), 40, "under a SKU of its own in the shop, too");
    // Typed in the PIM, or of a product of before: as old as the document.
    assert_eq!((at("S", 9, None), at("L", 9, None)), (90, 90));
    // The PIM has not yet what the newest document says of it.
    let before = apply(9, 60, None, &held(9, &[]), &[], &Terms::default());
    assert_eq!((at("M", 5, Some(&before)), at("M", 5, None), at("M", 4, Some(&before))), (60, 90, 90));

    // Ten were said at 5; three were bought at 60; of its eight (said at 40) the supplier has sold two itself.
    let first = apply(10, 5, None, &held(10, &[]), &[], &Terms::default());
    let (level, ours) = (held(10, &[("ours", 3)]), [line("ours", 60, 3, 0)]);
    let (own, plain) = (recall.said_of("S", 8, Some(&first)), Terms::default());
    let figure = |said| Figure { sku: "S", pieces: 8, said, terms: &plain };
    let left = |said| sellable(&figure(said), Some(&first), Some(&level), &ours, 99).stocked - 3;
    assert_eq!((left(&own), left(&recall.said)), (5, 8), "by its sibling's time the three would be sold again");
}

#[test]
fn a_figure_that_is_applied_once_more_after_an_interruption_sells_nothing_again() {
    let applied = apply(10, 5, None, &held(10, &[]), &[], &Terms::default());
    // Four were bought and fulfilled since, and a later document repeats the ten.
    let level = held(6, &[]);
    let ours = [line("gone", 6, 4, 4)];
    let again = apply(10, 50, Some(&applied), &level, &ours, &Terms::default());
    assert_eq!((again.stocked, again.since), (6, 5));
    let changed = apply(11, 50, Some(&applied), &level, &[], &Terms::default());
    assert_eq!((changed.stocked, changed.since), (11, 50), "a new figure knows them");
}

#[test]
fn whatever_a_write_raced_with_the_level_ends_as_if_it_had_not() {
    let from = held(10, &[("a", 4), ("b", 2)]);
    let later = from.at + 1;
    let cancelled = |id: &str| Line { cancelled: true, ..line(id, 0, 4, 0) };
    let moved = |now: &Held, lines: &[Line]| moves(&from, now, lines, Meaning::AfterOrders);
    let taken_back = |line: Line, at: i64| Line {
        fulfilled: 0,
        left: line.left.iter().map(|left| Left { taken_back: Some(at), ..*left }).collect(),
        ..line
    };
    let came_back = |line: Line, at: i64| Line { back: vec![Back { at, pieces: 2 }], ..line };
    // Ten become fifteen, and meanwhile …
    let cases: [(&str, Held, Vec<Line>, i64); 15] = [
        ("nothing", held(15, &[("a", 4), ("b", 2)]), vec![], 15),
        ("somebody bought", held(15, &[("a", 4), ("b", 2), ("c", 3)]), vec![line("c", later, 3, 0)], 15),
        ("a was cancelled", held(15, &[("b", 2)]), vec![cancelled("a")], 15),
        ("a was fulfilled after the write", held(11, &[("b", 2)]), vec![left("a", 4, 4, later)], 11),
        ("a was fulfilled before the write, which undid it", held(15, &[("b", 2)]), vec![left("a", 4, 4, later)], 11),
        ("b in part before, a after", held(11, &[("b", 1)]), vec![left("a", 4, 4, later), left("b", 2, 1, later)], 10),
        (
            "an old order was taken back before",
            held(15, &[("a", 4), ("b", 2), ("o", 3)]),
            vec![taken_back(left("o", 3, 3, -9), later)],
            18,
        ),
        (
            "an old order was taken back before, and cancelled",
            held(15, &[("a", 4), ("b", 2)]),
            vec![Line { cancelled: true, ..taken_back(left("o", 3, 3, -9), later) }],
            18,
        ),
        (
            "one was taken back and cancelled long ago",
            held(15, &[("a", 4), ("b", 2)]),
            vec![Line { cancelled: true, ..taken_back(left("o", 3, 3, -9), -1) }],
            15,
        ),
        (
            "a was fulfilled and taken back, and one of the two was undone",
            held(11, &[("a", 4), ("b", 2)]),
            vec![taken_back(left("a", 4, 4, later), later)],
            15,
        ),
        ("one went that no order explains", held(15, &[("a", 4)]), vec![], 13),
        ("two came back after", held(17, &[("a", 4), ("b", 2)]), vec![came_back(left("o", 3, 3, -9), later)], 17),
        ("two came back before", held(15, &[("a", 4), ("b", 2)]), vec![came_back(left("o", 3, 3, -9), later)], 17),
        ("two came back long ago", held(15, &[("a", 4), ("b", 2)]), vec![came_back(left("o", 3, 3, -9), -1)], 15),
        ("a person added two", held(17, &[("a", 4), ("b", 2)]), vec![], 17),
    ];
    for (what, now, lines, right) in cases {
        let now = Held { touched: later + 1, ..now };
        assert_eq!(resolve(10, 15, &moved(&now, &lines), now.stocked), right, "{what}");
    }
    // The write never happened.
    assert_eq!(resolve(10, 15, &Moves::default(), 10), 15);
    let written = |stocked, reserved: &[(&str, i64)]| Held { touched: later + 1, ..held(stocked, reserved) };
    let fulfilled = written(6, &[("b", 2)]);
    assert_eq!(resolve(10, 15, &moved(&fulfilled, &[left("a", 4, 4, later)]), 6), 11);
    // Down instead of up.
    assert_eq!(resolve(10, 7, &Moves::default(), 10), 7);
    assert_eq!(resolve(10, 7, &Moves::default(), 7), 7);
    assert_eq!(resolve(10, 7, &moved(&written(7, &[("b", 2)]), &[left("a", 4, 4, later)]), 7), 3);
}

/// A line of which some pieces left.
fn left(id: &str, quantity: i64, pieces: i64, at: i64) -> Line {
    Line { left: vec![Left { at, pieces, taken_back: None }], ..line(id, 0, quantity, pieces) }
}

#[test]
fn a_look_after_a_write_finds_the_fulfilment_that_it_undid_and_writes_once_more() {
    let (terms, said) = (terms("{}"), said(0));
    let figure = Figure { sku: "S", pieces: 15, said: &said, terms: &terms };
    let from = held(10, &[("a", 4), ("b", 2)]);
    let look = |now: Held, lines: &[Line]| {
        let applied = Applied { stocked: 15, ..Applied::default() };
        let now = Held { touched: from.at + 2, ..now };
        let written = Written { from: from.clone(), applied, at: None, doubted: false };
        next(&figure, None, Some(Box::new(written)), Some(&now), lines, 0)
    };
    let undone = look(held(15, &[("b", 2)]), &[left("a", 4, 4, from.at + 1)]);
    assert!(matches!(undone, Next::Write { stocked: 11, .. }), "{undone:?}");
    let never_written = look(held(10, &[("a", 4), ("b", 2)]), &[]);
    assert!(matches!(never_written, Next::Write { stocked: 15, .. }), "{never_written:?}");
    let right = look(held(11, &[("b", 2)]), &[left("a", 4, 4, from.at + 1)]);
    assert!(matches!(right, Next::Right(Applied { stocked: 11, owed: 0, .. })), "{right:?}");
}

#[test]
fn a_half_done_fulfilment_is_waited_for_while_somebody_may_be_at_work() {
    let left = Left { at: 1_000_000, pieces: 2, taken_back: None };
    let lines = [Line { left: vec![left], ..line("a", 0, 3, 2) }];
    let level = |at: i64, reserved: i64| Held {
        stocked: 5,
        reserved: [("a".to_owned(), reserved)].into(),
        by_hand: 0,
        at,
        touched: 1_000_020,
    };
    assert!(half_done(&level(1_000_100, 3), &lines), "its pieces are still reserved");
    assert!(!half_done(&level(1_000_100, 1), &lines), "they are not any more");
    assert!(half_done(&level(1_000_000 - 30_000, 3), &lines), "Medusa's clock may be ahead");
    assert!(half_done(&level(1_000_000 + 119_000, 3), &lines));
    assert!(!half_done(&level(1_000_000 + 121_000, 3), &lines), "its Medusa died");
}

#[test]
fn a_level_that_just_moved_is_looked_at_again_the_later_the_slower_the_shop_is() {
    assert_eq!([0, 20, 200, 10_000, i64::MAX].map(settles), [300, 300, 800, 2_000, 2_000]);
    let level = |ago: i64| Held { at: 10_000, touched: 10_000 - ago, ..Held::default() };
    let moved = |level: &Held, written: Option<Written>| just_moved(level, written.as_ref(), 300);
    assert!(moved(&level(299), None));
    assert!(moved(&level(-100), None), "while it was read");
    assert!(!moved(&level(300), None));
    let written = |stocked| {
        let applied = Applied { stocked, ..Applied::default() };
        Some(Written { from: Held::default(), applied, at: Some(9_990), doubted: false })
    };
    assert!(!moved(&level(10), written(0)), "that was ourselves");
    assert!(moved(&level(9), written(0)), "somebody moved it after that");
    let differs = |written: Option<Written>| differs(&level(10), &written.unwrap(), &[], Meaning::BeforeOrders);
    assert_eq!([0, 1].map(|stocked| differs(written(stocked))), [false, true], "it is not what was written");
}
