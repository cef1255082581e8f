//! Random histories of customers, fulfilment, suppliers and crashes against a simulated level.

use proptest::prelude::*;

use super::*;

/// Looks that are repeated because a level has just changed.
const PATIENT: usize = 3;

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

/// What is left to do of what Medusa does in steps.
enum Begun {
    /// A fulfilment has taken its pieces from the level: so many stay reserved for the line.
    Fulfilment(String, i64),
    /// The pieces of a line are in stock again, and its order does not say so yet.
    TakeBack(usize),
    /// A return is received, and its pieces are not in stock yet.
    Return(usize),
}

/// A level in a Medusa, and who bought of it.
struct World {
    time: i64,
    stocked: i64,
    touched: i64,
    /// What somebody has begun.
    begun: Option<Begun>,
    lines: Vec<Line>,
    reserved: BTreeMap<String, i64>,
    /// Lines by the time of their last change.
    changed: BTreeMap<String, i64>,
    /// Something came back: of a figure that knows our orders a piece too few may be for sale then,
    /// never one too many.
    returned: bool,
    /// A level that moved at every look was taken as it was, although somebody may have been at
    /// work: then too few may be for sale, too.
    hurried: bool,
    /// Pieces of orders that the figure knows which came back since the push began.
    came_back: i64,
    /// Likewise since the push that was completed last, at least.
    came_back_since: i64,
    figure_since: i64,
}

fn returned(line: &Line) -> i64 {
    line.back.iter().map(|back| back.pieces).sum()
}

impl World {
    /// Ends what was begun.
    fn ends(&mut self) {
        match self.begun.take() {
            Some(Begun::Fulfilment(id, left)) => {
                self.reserved.insert(id, left);
                self.reserved.retain(|_, pieces| *pieces > 0);
            }
            Some(Begun::TakeBack(n)) => {
                let line = &mut self.lines[n];
                line.fulfilled = 0;
                // The fulfilment bears its end last, after the level.
                for left in &mut line.left {
                    left.taken_back.get_or_insert(self.time + 1);
                }
                self.reserved.insert(line.id.clone(), line.quantity);
                self.changed.insert(line.id.clone(), self.time);
            }
            Some(Begun::Return(n)) => {
                self.stocked += 1;
                self.gives_back(n, 1);
            }
            None => return,
        }
        self.touched = self.time;
    }

    fn happens(&mut self, event: Event) {
        if self.begun.is_some() {
            self.ends();
            self.time += 1;
        }
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
                    self.begun = Some(Begun::Fulfilment(line.id.clone(), line.quantity - line.fulfilled));
                }
                n
            }
            Event::TakeBack(n) => {
                let n = pick(n, &|line| line.fulfilled > 0 && line.back.is_empty() && rested(line), &self.lines);
                if let Some(n) = n {
                    self.stocked += self.lines[n].fulfilled;
                    self.touched = self.time;
                    self.begun = Some(Begun::TakeBack(n));
                }
                return;
            }
            Event::Return(n) => {
                let n = pick(
                    n,
                    &|line| line.fulfilled == line.quantity && returned(line) < line.fulfilled && rested(line),
                    &self.lines,
                );
                if let Some(n) = n {
                    self.lines[n].back.push(Back { at: self.time, pieces: 1 });
                    self.changed.insert(self.lines[n].id.clone(), self.time);
                    self.returned = true;
                    self.begun = Some(Begun::Return(n));
                }
                return;
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
            self.came_back_since += pieces;
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
        lines.map(|line| line.quantity - returned(line)).sum()
    }
}

/// Runs pushes of one product over a world. After each that is completed, what can be bought is
/// what the figure allows.
fn history(meaning: &str, pushes: &[Push]) -> Result<(), TestCaseError> {
    let terms = terms(&format!("{{\"figure\":\"{meaning}\",\"buffer\":1,\"cap\":18}}"));
    let mut world = World {
        time: 1000 * MINUTE,
        stocked: 9,
        touched: 0,
        begun: None,
        lines: vec![],
        reserved: BTreeMap::new(),
        changed: BTreeMap::new(),
        returned: false,
        hurried: false,
        came_back: 0,
        came_back_since: 0,
        figure_since: 0,
    };
    let mut figure = 10;
    let mut document = said(world.time);
    let mut marked = Marked::Otherwise;
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
        world.ends();
        let before = (world.stocked, book.clone());
        if due(figure, &document, book.as_ref(), true, marked, &terms, world.time) == Due::Nothing {
            prop_assert_eq!(before, (world.stocked, book.clone()), "an unchanged figure writes nothing");
            let applied = book.as_ref().unwrap();
            let allowed = match terms.figure {
                Meaning::AfterOrders => applied.allowed - world.ours(applied.since) + world.came_back_since,
                Meaning::BeforeOrders => applied.allowed - world.ours(0),
            };
            let available = world.available() - applied.owed;
            prop_assert!(available <= allowed, "{available} can be bought, {allowed} allowed: {applied:?}");
            continue;
        }
        let mut races = push.races.iter();
        let mut steps = 0;
        let mut step = |world: &mut World| {
            world.time += 1;
            match races.next() {
                Some(Some(event)) => world.happens(*event),
                _ => world.ends(),
            }
            steps += 1;
            push.dies == Some(steps - 1)
        };
        let at = Figure { sku: "S", pieces: figure, said: &document, terms: &terms };
        let since = figure_time(figure, &document, book.as_ref(), &terms, world.time);
        world.figure_since = since;
        let mut written: Option<Box<Written>> = None;
        let mut arrived = false;
        for look in 0..99 {
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
                .map(|written| &written.from)
                .or(book.as_ref().and_then(|b| b.intent.as_ref()).map(|i| &i.from));
            let placed = (written.is_none() && terms.figure == Meaning::AfterOrders && ordered_since(&held, since))
                .then_some(since);
            let moves_on = just_moved(&held, written.as_deref(), SETTLES);
            let hurried = (moves_on && look >= PATIENT).then_some(held.touched - MINUTE);
            let changed = from.map(|from| from.at - MINUTE).into_iter().chain(hurried).min();
            let asked = |line: &&Line| {
                placed.is_some_and(|placed| line.placed >= placed)
                    || changed.is_some_and(|changed| world.changed[&line.id] >= changed)
            };
            let lines: Vec<Line> = world.lines.iter().filter(asked).cloned().collect();
            let doubtful = |written: &Written| !written.doubted && differs(&held, written, &lines, terms.figure);
            if half_done(&held, &lines)
                || moves_on && (look < PATIENT || terms.figure == Meaning::BeforeOrders)
                || written.as_deref().is_some_and(doubtful)
            {
                world.time += SETTLES;
                written = written.map(|written| Box::new(Written { doubted: true, ..*written }));
                continue;
            }
            world.hurried |= moves_on;
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
                    marked = Marked::Nothing;
                    if step(&mut world) {
                        break;
                    }
                    world.stocked = stocked;
                    world.touched = world.time;
                    written = Some(Box::new(Written { at: Some(world.time), doubted: false, ..*next }));
                    if terms.figure == Meaning::BeforeOrders {
                        world.time += SETTLES;
                    }
                }
            }
        }
        world.ends();
        if !arrived {
            continue;
        }
        marked = Marked::Otherwise;
        world.came_back_since = world.came_back;
        let applied = book.as_ref().unwrap();
        let allowed = match terms.figure {
            Meaning::AfterOrders => applied.allowed - world.ours(since) + world.came_back,
            Meaning::BeforeOrders => applied.allowed - world.ours(0),
        };
        let available = world.available() - applied.owed;
        prop_assert!(available <= allowed, "{} can be bought, {} allowed: {:?}", available, allowed, applied);
        if !world.hurried && (terms.figure == Meaning::BeforeOrders || !world.returned) {
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
