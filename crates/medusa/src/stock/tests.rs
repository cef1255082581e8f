//! Tables of single decisions, and random histories of customers, fulfilment, suppliers and crashes against a simulated level.

use proptest::prelude::*;

use super::*;

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
        returned: 0,
        left: vec![],
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
    let is_due = |figure, said: &Said, applied: Option<&Applied>, there, at_rest, terms: &Terms| {
        due(figure, said, applied, there, at_rest, terms, 2 * MINUTE)
    };
    let newer = said(2 * MINUTE);
    assert_eq!(is_due(10, &newer, Some(&applied), true, false, &plain), Due::Nothing);
    assert_eq!(is_due(11, &newer, Some(&applied), true, false, &plain), Due::Apply);
    assert_eq!(is_due(10, &newer, Some(&applied), false, false, &plain), Due::Apply, "the level is gone");
    assert_eq!(is_due(10, &newer, Some(&applied), true, false, &terms("{\"buffer\":1}")), Due::Apply);
    assert_eq!(is_due(10, &newer, Some(&applied), true, false, &terms("{\"figure\":\"before-orders\"}")), Due::Apply);
    let pending = Applied { intent: Some(Intent { from: held(1, &[]), to: 2 }), ..applied.clone() };
    assert_eq!(is_due(10, &newer, Some(&pending), true, false, &plain), Due::Apply);
    // From before anything was remembered.
    assert_eq!(is_due(10, &newer, None, true, true, &plain), Due::Adopt);
    assert_eq!(is_due(10, &newer, None, true, false, &plain), Due::Apply);
    assert_eq!(is_due(10, &newer, None, false, true, &plain), Due::Apply);
    let strict = terms("{\"max_age_hours\":1}");
    let applied = apply(10, MINUTE, None, &held(10, &[]), &[], &strict);
    assert_eq!(due(10, &said(MINUTE), Some(&applied), true, false, &strict, 30 * MINUTE), Due::Nothing);
    assert_eq!(
        due(10, &said(MINUTE), Some(&applied), true, false, &strict, 62 * MINUTE),
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
    let back = Line { returned: 1, ..line("back", since, 2, 2) };
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
    assert_eq!(figure_time(12, &typed, Some(&applied)), 90);
    assert_eq!(figure_time(12, &said(7), Some(&applied)), 7);
    assert_eq!(figure_time(12, &typed, None), 5);
}

#[test]
fn whatever_a_write_raced_with_the_level_ends_as_if_it_had_not() {
    let from = held(10, &[("a", 4), ("b", 2)]);
    let later = from.at + 1;
    let cancelled = |id: &str| Line { cancelled: true, ..line(id, 0, 4, 0) };
    let moved = |now: &Held, lines: &[Line]| moves(&from, now, lines, Meaning::AfterOrders);
    // Ten become fifteen, and meanwhile …
    let cases: [(&str, Held, Vec<Line>, i64); 9] = [
        ("nothing", held(15, &[("a", 4), ("b", 2)]), vec![], 15),
        ("somebody bought", held(15, &[("a", 4), ("b", 2), ("c", 3)]), vec![line("c", later, 3, 0)], 15),
        ("a was cancelled", held(15, &[("b", 2)]), vec![cancelled("a")], 15),
        ("a was fulfilled after the write", held(11, &[("b", 2)]), vec![line("a", 0, 4, 4)], 11),
        ("a was fulfilled before the write, which undid it", held(15, &[("b", 2)]), vec![line("a", 0, 4, 4)], 11),
        ("b in part before, a after", held(11, &[("b", 1)]), vec![line("a", 0, 4, 4), line("b", 0, 2, 1)], 10),
        ("an old order was taken back before", held(15, &[("a", 4), ("b", 2), ("o", 3)]), vec![line("o", 0, 3, 0)], 18),
        ("one went that no order explains", held(15, &[("a", 4)]), vec![], 13),
        ("two came back after", held(17, &[("a", 4), ("b", 2)]), vec![], 17),
    ];
    for (what, now, lines, right) in cases {
        assert_eq!(resolve(10, 15, &moved(&now, &lines), now.stocked), right, "{what}");
    }
    // The write never happened.
    assert_eq!(resolve(10, 15, &Moves::default(), 10), 15);
    let fulfilled = held(6, &[("b", 2)]);
    assert_eq!(resolve(10, 15, &moved(&fulfilled, &[line("a", 0, 4, 4)]), 6), 11);
    // One of two came back; the other left, and the last write of several undid that.
    assert_eq!(resolve(7, 16, &Moves { untold: 2, returned: 1, ..Moves::default() }, 18), 17);
    // Down instead of up.
    assert_eq!(resolve(10, 7, &Moves::default(), 10), 7);
    assert_eq!(resolve(10, 7, &Moves::default(), 7), 7);
    assert_eq!(resolve(10, 7, &moved(&held(7, &[("b", 2)]), &[line("a", 0, 4, 4)]), 7), 3);
}

#[test]
fn a_look_after_a_write_finds_the_fulfilment_that_it_undid_and_writes_once_more() {
    let (terms, said) = (terms("{}"), said(0));
    let figure = Figure { sku: "S", pieces: 15, said: &said, terms: &terms };
    let from = held(10, &[("a", 4), ("b", 2)]);
    let look = |now: Held, lines: &[Line]| {
        let applied = Applied { stocked: 15, ..Applied::default() };
        next(&figure, None, Some(Box::new((from.clone(), applied))), Some(&now), lines, 0)
    };
    let undone = look(held(15, &[("b", 2)]), &[line("a", 0, 4, 4)]);
    assert!(matches!(undone, Next::Write { stocked: 11, .. }), "{undone:?}");
    let never_written = look(held(10, &[("a", 4), ("b", 2)]), &[]);
    assert!(matches!(never_written, Next::Write { stocked: 15, .. }), "{never_written:?}");
    let right = look(held(11, &[("b", 2)]), &[line("a", 0, 4, 4)]);
    assert!(matches!(right, Next::Right(Applied { stocked: 11, owed: 0, .. })), "{right:?}");
}

/// What happens beside the push.
#[derive(Debug, Clone, Copy)]
enum Event {
    Place(i64),
    Cancel(usize),
    Fulfil(usize, i64),
    TakeBack(usize),
    Return(usize),
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (1..4i64).prop_map(Event::Place),
        1 => any::<usize>().prop_map(Event::Cancel),
        3 => (any::<usize>(), 1..4i64).prop_map(|(n, pieces)| Event::Fulfil(n, pieces)),
        1 => any::<usize>().prop_map(Event::TakeBack),
        1 => any::<usize>().prop_map(Event::Return),
    ]
}

/// A look of the shop at the product, with what happens at its steps and where it dies.
#[derive(Debug, Clone)]
struct Push {
    /// The supplier's new figure, if it is another one.
    figure: Option<i64>,
    /// So many events before the push, the document is written.
    late: usize,
    /// Time (ms) between events before the push.
    pace: i64,
    /// Before the push, and at each of its steps.
    before: Vec<Event>,
    races: Vec<Option<Event>>,
    dies: Option<usize>,
}

fn any_push() -> impl Strategy<Value = Push> {
    let races = prop::collection::vec(prop::option::weighted(0.25, any_event()), 24);
    let events = prop::collection::vec(any_event(), 0..6);
    let pace = prop_oneof![Just(1), Just(500), Just(MINUTE / 2), Just(2 * MINUTE)];
    let dies = prop::option::weighted(0.3, 0..12usize);
    (prop::option::weighted(0.7, 0..25i64), 0..6usize, pace, events, races, dies)
        .prop_map(|(figure, late, pace, before, races, dies)| Push { figure, late, pace, before, races, dies })
}

/// A level in a Medusa, and who bought of it.
struct World {
    time: i64,
    stocked: i64,
    touched: i64,
    /// A fulfilment has taken its pieces, and what is reserved goes a moment later.
    unreserves: Option<(String, i64)>,
    lines: Vec<Line>,
    reserved: BTreeMap<String, i64>,
    /// Lines by the time of their last change.
    changed: BTreeMap<String, i64>,
    /// Something happened of which orders do not tell when: a return, or an order taken back and then cancelled. Then a piece too few may be
    /// for sale, never one too many.
    untold: bool,
    taken_back: Vec<usize>,
    /// Pieces of orders that the figure knows which came back since the push began.
    came_back: i64,
    figure_since: i64,
}

impl World {
    /// What a fulfilment does last.
    fn unreserve(&mut self) {
        if let Some((id, left)) = self.unreserves.take() {
            self.reserved.insert(id, left);
            self.reserved.retain(|_, pieces| *pieces > 0);
            self.touched = self.time;
        }
    }

    fn happens(&mut self, event: Event) {
        self.unreserve();
        let pick = |n: usize, fits: &dyn Fn(&Line) -> bool, lines: &[Line]| {
            let fitting: Vec<usize> = (0..lines.len()).filter(|n| fits(&lines[*n])).collect();
            (!fitting.is_empty()).then(|| fitting[n % fitting.len()])
        };
        // What people do with an order that has left takes them a minute at least.
        let (changed, soon) = (self.changed.clone(), self.time - MINUTE);
        let rested = |line: &Line| changed[&line.id] < soon;
        let open = |line: &Line| !line.cancelled && line.fulfilled < line.quantity;
        let n = match event {
            Event::Place(pieces) => {
                let reserved: i64 = self.reserved.values().sum();
                let pieces = pieces.min(self.stocked - reserved);
                if pieces < 1 {
                    return;
                }
                let id = format!("line{}", self.lines.len());
                self.reserved.insert(id.clone(), pieces);
                self.lines.push(line(&id, self.time, pieces, 0));
                Some(self.lines.len() - 1)
            }
            Event::Cancel(n) => {
                // Medusa refuses to cancel an order of which something has left.
                let n = pick(n, &|line| !line.cancelled && line.fulfilled == 0, &self.lines);
                if let Some(n) = n {
                    self.lines[n].cancelled = true;
                    self.reserved.remove(&self.lines[n].id);
                    self.untold |= self.taken_back.contains(&n);
                    self.gives_back(n, self.lines[n].quantity);
                }
                n
            }
            Event::Fulfil(n, pieces) => {
                let n = pick(n, &open, &self.lines);
                if let Some(n) = n {
                    let line = &mut self.lines[n];
                    let pieces = pieces.min(line.quantity - line.fulfilled);
                    line.fulfilled += pieces;
                    line.left.push(Left { at: self.time, pieces, taken_back: None });
                    self.stocked -= pieces;
                    self.unreserves = Some((line.id.clone(), line.quantity - line.fulfilled));
                }
                n
            }
            Event::TakeBack(n) => {
                let n = pick(n, &|line| line.fulfilled > 0 && line.returned == 0 && rested(line), &self.lines);
                if let Some(n) = n {
                    let line = &mut self.lines[n];
                    self.stocked += line.fulfilled;
                    line.fulfilled = 0;
                    for left in &mut line.left {
                        left.taken_back.get_or_insert(self.time);
                    }
                    self.taken_back.push(n);
                    self.reserved.insert(line.id.clone(), line.quantity);
                }
                n
            }
            Event::Return(n) => {
                let n = pick(
                    n,
                    &|line| line.fulfilled == line.quantity && line.returned < line.fulfilled && rested(line),
                    &self.lines,
                );
                if let Some(n) = n {
                    self.lines[n].returned += 1;
                    self.stocked += 1;
                    self.untold = true;
                    self.gives_back(n, 1);
                }
                n
            }
        };
        if let Some(n) = n {
            self.changed.insert(self.lines[n].id.clone(), self.time);
            self.touched = self.time;
        }
    }

    fn gives_back(&mut self, n: usize, pieces: i64) {
        if self.lines[n].placed < self.figure_since {
            self.came_back += pieces;
        }
    }

    fn look(&self) -> Held {
        Held {
            stocked: self.stocked,
            reserved: self.reserved.clone(),
            by_hand: 0,
            at: self.time,
            touched: self.touched,
        }
    }

    fn available(&self) -> i64 {
        self.stocked - self.reserved.values().sum::<i64>()
    }

    fn ours(&self, since: i64) -> i64 {
        let lines = self.lines.iter().filter(|line| line.placed >= since && !line.cancelled);
        lines.map(|line| line.quantity - line.returned).sum()
    }
}

/// Runs pushes of one product over a world. After each that is completed, what can be bought is what the figure allows.
fn history(meaning: &str, pushes: &[Push]) -> Result<(), TestCaseError> {
    let terms = terms(&format!("{{\"figure\":\"{meaning}\",\"buffer\":1,\"cap\":18}}"));
    let mut world = World {
        time: 1000 * MINUTE,
        stocked: 9,
        touched: 0,
        unreserves: None,
        lines: vec![],
        reserved: BTreeMap::new(),
        changed: BTreeMap::new(),
        untold: false,
        taken_back: vec![],
        came_back: 0,
        figure_since: 0,
    };
    let mut figure = 10;
    let mut document = said(world.time);
    let mut book = Some(adopted("S", figure, &document, 9, &terms, world.time));
    for push in pushes {
        for (n, event) in push.before.iter().enumerate() {
            if n == push.late.min(push.before.len() - 1) {
                figure = push.figure.unwrap_or(figure);
                document = said(world.time);
            }
            world.time += push.pace;
            world.happens(*event);
        }
        world.time += push.pace;
        world.unreserve();
        let before = (world.stocked, book.clone());
        if due(figure, &document, book.as_ref(), true, false, &terms, world.time) == Due::Nothing {
            prop_assert_eq!(before, (world.stocked, book.clone()), "an unchanged figure writes nothing");
            continue;
        }
        let mut races = push.races.iter();
        let mut steps = 0;
        let mut step = |world: &mut World| {
            world.time += 1;
            match races.next() {
                Some(Some(event)) => world.happens(*event),
                _ => world.unreserve(),
            }
            steps += 1;
            push.dies == Some(steps - 1)
        };
        let at = Figure { sku: "S", pieces: figure, said: &document, terms: &terms };
        let since = figure_time(figure, &document, book.as_ref());
        world.figure_since = since;
        let mut written: Option<Box<(Held, Applied)>> = None;
        let mut arrived = false;
        for _ in 0..40 {
            if step(&mut world) {
                break;
            }
            let held = world.look();
            if written.is_none() {
                world.came_back = 0;
            }
            if step(&mut world) {
                break;
            }
            // As the shell asks: orders placed since, and those that changed since a look.
            let from = written
                .as_ref()
                .map(|written| &written.0)
                .or(book.as_ref().and_then(|b| b.intent.as_ref()).map(|i| &i.from));
            let placed = (written.is_none() && terms.figure == Meaning::AfterOrders && ordered_since(&held, since))
                .then_some(since);
            let changed = from.map(|from| from.at - MINUTE);
            let asked = |line: &&Line| {
                placed.is_some_and(|placed| line.placed >= placed)
                    || changed.is_some_and(|changed| world.changed[&line.id] >= changed)
            };
            let lines: Vec<Line> = world.lines.iter().filter(asked).cloned().collect();
            if half_done(&held, &lines) || just_moved(&held, SETTLES, written.is_some()) {
                world.time += SETTLES;
                continue;
            }
            match next(&at, book.as_ref(), written.take(), Some(&held), &lines, world.time) {
                Next::Right(applied) => {
                    if !step(&mut world) {
                        book = Some(applied);
                        arrived = true;
                    }
                    break;
                }
                Next::Create(_) => return Err(TestCaseError::fail("the level is there")),
                Next::Write { stocked, noted, written: next } => {
                    if let Some(noted) = noted {
                        if step(&mut world) {
                            break;
                        }
                        book = Some(*noted);
                    }
                    if step(&mut world) {
                        break;
                    }
                    world.stocked = stocked;
                    world.touched = world.time;
                    written = Some(next);
                }
            }
        }
        world.unreserve();
        if !arrived {
            continue;
        }
        let applied = book.as_ref().unwrap();
        let allowed = match terms.figure {
            Meaning::AfterOrders => applied.allowed - world.ours(since) + world.came_back,
            Meaning::BeforeOrders => applied.allowed - world.ours(0),
        };
        let available = world.available() - applied.owed;
        prop_assert!(available <= allowed, "{} can be bought, {} allowed: {:?}", available, allowed, applied);
        if !world.untold {
            prop_assert_eq!(available, allowed, "something was counted twice: {:?}", applied);
        }
    }
    Ok(())
}

/// `RELAY_STOCK_HISTORIES` asks for more.
fn cases() -> u32 {
    std::env::var("RELAY_STOCK_HISTORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn no_piece_is_sold_twice_by_figures_that_know_our_orders(pushes in prop::collection::vec(any_push(), 1..8)) {
        history("after-orders", &pushes)?;
    }

    #[test]
    fn no_piece_is_sold_twice_by_figures_that_know_none(pushes in prop::collection::vec(any_push(), 1..8)) {
        history("before-orders", &pushes)?;
    }
}
