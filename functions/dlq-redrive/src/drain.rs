//! Goes through a dead-letter queue.
//!
//! A letter is hidden while it is looked at, and deleted only after whatever replaces it exists:
//! the copy on the queue, or the object in S3. Dying in between leaves it on the dead-letter queue,
//! where the next run finds it and does the same again: a second copy of a key is harmless, and a
//! parked letter has the same object key every time. So no letter is ever lost between two places.
//!
//! Only letters sent before the run began are looked at. What the run itself sends back, and what
//! comes straight back dead, is a matter for the next one: a run always ends.
//!
//! Sending back is paced by SQS's own delay: the n-th letter of a run is delayed by n ÷ rate
//! seconds, so that the function does not have to wait and the target meets a steady trickle.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use catalog::{ErrorKind, ProductKey};
use futures::future::join_all;
use ledger::ProductState;
use redrive::letter::Reason;
use redrive::policy::{self, Facts, Known};
use redrive::view;
use redrive::{Decision, Handled, Parked, QueueName, QueueReport, RedriveAction, RedriveRequest, Subject, decide};
use runtime::{Deadline, ProductMessage, TraceHeader};

use crate::RedriveError;
use crate::queue::{Outgoing, Queue, Received};
use crate::redriver::Redriver;

/// What to do with the letters that the filter selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Policy,
    /// Send them back.
    Force,
    /// Send them back, because what they were refused for is gone.
    Unpark,
    Park,
}

impl Mode {
    pub(crate) const fn of(request: &RedriveRequest) -> Self {
        match request.action {
            RedriveAction::Park => Self::Park,
            RedriveAction::Unpark => Self::Unpark,
            RedriveAction::Redrive if request.force => Self::Force,
            _ => Self::Policy,
        }
    }
}

/// Receives in flight at once.
const PARALLEL: usize = 4;
/// Letters looked at in one run, per queue, so that memory stays bounded.
const MAX_SEEN: usize = 20_000;
/// Not begun any more with less time than this left.
pub(crate) const LAST_ROUND: Duration = Duration::from_secs(4);
/// SQS's longest delay.
const MAX_DELAY_SECONDS: u32 = 900;
/// Letters shown by `inspect` when the request does not say.
const INSPECTED: usize = 200;

/// One letter with all that was found out about it.
pub(crate) struct Case {
    pub(crate) received: Received,
    pub(crate) subject: Subject,
    pub(crate) known: Known,
    pub(crate) decision: Decision,
}

/// Handles of letters that were dealt with: those that stay on the dead-letter queue, and those
/// that leave it.
#[derive(Default)]
struct Ends {
    back: Vec<String>,
    gone: Vec<String>,
}

impl Ends {
    fn failed(&mut self, case: Case, why: &str, report: &mut QueueReport) {
        report.failures.push(format!("letter {}: {why}", case.received.letter.origin_id()));
        self.back.push(case.received.handle);
    }
}

/// Products that letters were about.
pub(crate) type Products = HashSet<ProductKey>;

impl Redriver {
    /// Goes through a queue's dead letters. The products that the chosen ones are about are added
    /// to `products`.
    pub(crate) async fn drain(
        &self,
        (name, mode): (QueueName, Mode),
        request: &RedriveRequest,
        deadline: Deadline,
        products: &mut Products,
    ) -> QueueReport {
        let rehearsal = request.dry_run || request.action == RedriveAction::Inspect;
        let mut report = QueueReport::new(name, self.target_answers(name).await);
        let Some(queue) = self.queues.get(&name) else { return report };
        let default = if request.action == RedriveAction::Inspect { INSPECTED } else { self.settings.default_max() };
        let max = request.max.unwrap_or(default);
        let begun = self.clock.now_ms();
        let mut seen: HashSet<String> = HashSet::new();
        let mut back: Vec<String> = Vec::new();
        let mut chosen = 0;
        loop {
            let left = deadline.remaining(self.clock.now_ms());
            if chosen >= max || seen.len() >= MAX_SEEN || left < LAST_ROUND {
                report.more = true;
                break;
            }
            let wanted = (max - chosen).div_ceil(10).clamp(1, PARALLEL);
            let (letters, mut failed) = receive(queue, wanted, hidden_for(left), &mut report).await;
            if letters.is_empty() {
                break;
            }
            // Later letters are a matter for the next run.
            let (now_ours, later): (Vec<_>, Vec<_>) =
                letters.into_iter().partition(|one| one.letter.sent_ms <= begun && seen.insert(one.letter.id.clone()));
            let only_later = now_ours.is_empty();
            back.extend(later.into_iter().map(|one| one.handle));
            match self.cases(name, now_ours, report.target_answers).await {
                Ok(cases) => {
                    report.seen += cases.len();
                    let now = self.clock.now_ms();
                    let (selected, others) = select(request, (name, mode), cases, max - chosen, now);
                    chosen += selected.len();
                    report.skipped += others.len();
                    back.extend(others);
                    products.extend(selected.iter().filter_map(|case| case.subject.product().cloned()));
                    back.extend(match rehearsal {
                        true => rehearse(selected, now, &mut report),
                        false => self.carry_out((name, queue), mode, selected, &mut report).await,
                    });
                }
                Err((error, handles)) => {
                    report.failures.push(error.to_string());
                    back.extend(handles);
                    failed = true;
                }
            }
            if failed || only_later {
                break;
            }
        }
        queue.put_back(&back).await;
        report
    }

    /// Looks up what the ledger knows about letters, and decides about each.
    pub(crate) async fn cases(
        &self,
        name: QueueName,
        letters: Vec<Received>,
        target_answers: bool,
    ) -> Result<Vec<Case>, (RedriveError, Vec<String>)> {
        let subjects: Vec<Subject> = letters.iter().map(|one| one.letter.subject(name)).collect();
        let keys: HashSet<ProductKey> = subjects.iter().filter_map(|subject| subject.product().cloned()).collect();
        let keys: Vec<ProductKey> = keys.into_iter().collect();
        let looked_up = async {
            let states = if keys.is_empty() { HashMap::new() } else { self.ledger.read_states(&keys).await? };
            let runs = join_all(subjects.iter().map(|subject| async move {
                match subject {
                    Subject::Feed(id) => Ok::<_, RedriveError>(Known::Run(self.read_run(id).await?.map(Box::new))),
                    _ => Ok(Known::Nothing),
                }
            }))
            .await;
            Ok::<(HashMap<ProductKey, ProductState>, Vec<_>), RedriveError>((states, runs))
        };
        let (states, runs) = match looked_up.await {
            Ok(found) => found,
            Err(error) => return Err((error, letters.into_iter().map(|one| one.handle).collect())),
        };
        let now = self.clock.now_ms();
        let mut cases = Vec::with_capacity(letters.len());
        let mut unread = None;
        for ((received, subject), run) in letters.into_iter().zip(subjects).zip(runs) {
            let known = match (&subject, run) {
                (Subject::Product(key), _) => Known::Product(Box::new(states.get(key).cloned().unwrap_or_default())),
                (_, Ok(known)) => known,
                (_, Err(error)) => {
                    // Hidden for now; the next run looks at it again.
                    unread = Some(error);
                    continue;
                }
            };
            let facts =
                Facts { queue: name, letter: &received.letter, subject: &subject, known: &known, target_answers };
            let decision = decide(&facts, &self.settings.limits, now);
            cases.push(Case { received, subject, known, decision });
        }
        match unread {
            Some(error) if cases.is_empty() => Err((error, Vec::new())),
            Some(error) => {
                tracing::error!(%error, "a feed run could not be looked up");
                Ok(cases)
            }
            None => Ok(cases),
        }
    }

    /// Does what was decided. Returns the handles of the letters that stay where they are.
    async fn carry_out(
        &self,
        (name, queue): (QueueName, &Queue),
        mode: Mode,
        cases: Vec<Case>,
        report: &mut QueueReport,
    ) -> Vec<String> {
        let now = self.clock.now_ms();
        let mut ends = Ends::default();
        let (mut redrive, mut park) = (Vec::new(), Vec::new());
        for case in cases {
            match case.decision {
                Decision::Leave(_) => {
                    report.add(handled(&case, now, None));
                    ends.back.push(case.received.handle);
                }
                Decision::Drop(_) => {
                    span(name, &case).in_scope(|| tracing::info!(code = case.decision.reason().code, "dropped"));
                    report.add(handled(&case, now, None));
                    ends.gone.push(case.received.handle);
                }
                Decision::Redrive(_) => redrive.push(case),
                Decision::Park(_) => park.push(case),
            }
        }
        let lifted = self.send_back((name, queue), mode, redrive, report, &mut ends).await;
        self.park_all(name, park, report, &mut ends).await;
        report.failures.extend(queue.delete(&ends.gone).await);
        self.lift(name, &lifted).await;
        ends.back
    }

    /// Puts copies on the queue. Returns the products whose failure is to be lifted.
    async fn send_back(
        &self,
        (name, queue): (QueueName, &Queue),
        mode: Mode,
        cases: Vec<Case>,
        report: &mut QueueReport,
        ends: &mut Ends,
    ) -> HashMap<ProductKey, ProductState> {
        let now = self.clock.now_ms();
        let copy = |(n, case): (usize, &Case)| {
            let letter = &case.received.letter;
            Outgoing {
                body: letter.body.clone(),
                attributes: letter.redriven(letter.redrives().saturating_add(1)),
                trace: letter.trace.clone(),
                delay_seconds: delay(report.redriven + n, self.settings.per_second, &letter.id),
            }
        };
        let copies: Vec<Outgoing> = cases.iter().enumerate().map(copy).collect();
        let mut lifted = HashMap::new();
        for (case, sent) in cases.into_iter().zip(queue.send(&copies).await) {
            match sent {
                Ok(()) => {
                    span(name, &case).in_scope(|| tracing::info!(code = case.decision.reason().code, "redriven"));
                    report.add(handled(&case, now, None));
                    ends.gone.push(case.received.handle);
                    if let (Mode::Unpark, Subject::Product(key), Known::Product(state)) =
                        (mode, case.subject, case.known)
                    {
                        lifted.insert(key, *state);
                    }
                }
                Err(why) => ends.failed(case, &why, report),
            }
        }
        lifted
    }

    async fn park_all(&self, name: QueueName, cases: Vec<Case>, report: &mut QueueReport, ends: &mut Ends) {
        let now = self.clock.now_ms();
        let written = join_all(cases.iter().map(|case| self.park(name, case, now))).await;
        for (case, written) in cases.into_iter().zip(written) {
            match written {
                Ok(key) => {
                    let reason = case.decision.reason();
                    let (kind, code, message) = (reason.kind.as_str(), &reason.code, &reason.message);
                    let _letter = span(name, &case).entered();
                    tracing::error!(kind, code, reason = message, object = key, "parked");
                    report.add(handled(&case, now, Some(key)));
                    ends.gone.push(case.received.handle);
                }
                Err(error) => ends.failed(case, &error.to_string(), report),
            }
        }
    }

    async fn park(&self, name: QueueName, case: &Case, now: i64) -> Result<String, RedriveError> {
        let letter = &case.received.letter;
        self.store
            .put(&Parked {
                queue: name,
                reason: case.decision.reason().clone(),
                parked_at: now,
                first_sent_at: letter.first_ms(),
                redrives: letter.redrives(),
                subject: view::Subject::of(&case.subject, &case.known),
                letter: letter.clone(),
            })
            .await
    }
}

/// Receives several times at once; whether one of them failed, too.
async fn receive(queue: &Queue, times: usize, hidden: i32, report: &mut QueueReport) -> (Vec<Received>, bool) {
    let (mut letters, mut failed) = (Vec::new(), false);
    for answer in join_all((0..times).map(|_| queue.receive(hidden))).await {
        match answer {
            Ok(some) => letters.extend(some),
            Err(error) => {
                failed = true;
                report.failures.push(error.to_string());
            }
        }
    }
    (letters, failed)
}

/// How long (s) letters are hidden that are worked on: as long as this function may live, and a
/// little more.
fn hidden_for(left: Duration) -> i32 {
    let life = left + Deadline::RESERVE + Duration::from_secs(5);
    i32::try_from(life.as_secs()).unwrap_or(900).min(900)
}

/// Says what would become of letters; all of them go back.
fn rehearse(selected: Vec<Case>, now: i64, report: &mut QueueReport) -> Vec<String> {
    let told = |case: Case| {
        report.add(handled(&case, now, None));
        case.received.handle
    };
    selected.into_iter().map(told).collect()
}

/// The letters that the filter selects, no more than there is `room` for, with what an operator
/// asked for; the others' handles.
fn select(
    request: &RedriveRequest,
    (name, mode): (QueueName, Mode),
    cases: Vec<Case>,
    room: usize,
    now: i64,
) -> (Vec<Case>, Vec<String>) {
    let (mut selected, mut others) = (Vec::new(), Vec::new());
    for mut case in cases {
        if selected.len() < room && selects(request, name, &case, now) {
            case.decision = overrule(mode, name, case.decision, &case.received, &case.subject, &case.known);
            selected.push(case);
        } else {
            others.push(case.received.handle);
        }
    }
    (selected, others)
}

fn selects(request: &RedriveRequest, name: QueueName, case: &Case, now: i64) -> bool {
    let facts = facts(name, &case.received, &case.subject, &case.known);
    let reason = policy::recorded(&facts);
    request.filter.selects(&case.received.letter, &case.subject, reason.as_ref(), now)
}

/// What an operator asked for, in place of the policy's decision.
fn overrule(
    mode: Mode,
    name: QueueName,
    decision: Decision,
    received: &Received,
    subject: &Subject,
    known: &Known,
) -> Decision {
    let reason = || {
        policy::recorded(&facts(name, received, subject, known)).unwrap_or_else(|| Reason {
            kind: ErrorKind::Transient,
            code: redrive::codes::NO_REASON_RECORDED.to_owned(),
            message: "the function died or ran out of time before it could say why".to_owned(),
        })
    };
    match mode {
        Mode::Policy => decision,
        Mode::Force | Mode::Unpark => Decision::Redrive(reason()),
        Mode::Park => Decision::Park(reason()),
    }
}

fn facts<'a>(queue: QueueName, received: &'a Received, subject: &'a Subject, known: &'a Known) -> Facts<'a> {
    Facts { queue, letter: &received.letter, subject, known, target_answers: true }
}

/// A span for what is done with a letter, with the correlation id and the trace of the message that
/// died.
fn span(queue: QueueName, case: &Case) -> tracing::Span {
    let letter = &case.received.letter;
    let message = ProductMessage::parse(&letter.body).ok();
    let trace = letter.trace.as_deref().and_then(TraceHeader::parse);
    tracing::info_span!(
        "letter",
        %queue,
        letter = letter.origin_id(),
        subject = view::Subject::of(&case.subject, &Known::Nothing).name(),
        product = message.as_ref().map(|message| message.key.to_string()),
        correlation_id = message.as_ref().map(|message| message.correlation_id.as_str()),
        trace = trace.as_ref().map(TraceHeader::id),
    )
}

pub(crate) fn handled(case: &Case, now: i64, parked: Option<String>) -> Handled {
    let letter = &case.received.letter;
    Handled {
        message: letter.origin_id().to_owned(),
        subject: view::Subject::of(&case.subject, &Known::Nothing).name().to_owned(),
        decision: case.decision.as_str().to_owned(),
        reason: case.decision.reason().clone(),
        age_seconds: now.saturating_sub(letter.sent_ms) / 1000,
        redrives: letter.redrives(),
        parked,
    }
}

/// The delay of the `n`-th letter of a run, in seconds: a steady rate, moved by up to two seconds
/// by the letter's id.
pub(crate) fn delay(n: usize, per_second: u32, id: &str) -> i32 {
    let steady = u32::try_from(n).unwrap_or(u32::MAX) / per_second.max(1);
    let jitter = id.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 3;
    i32::try_from((steady + jitter).min(MAX_DELAY_SECONDS)).unwrap_or(900)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_go_back_at_the_set_rate() {
        let delays: Vec<i32> = (0..3_000).map(|n| delay(n, 10, &format!("letter-{n}"))).collect();
        assert!(delays.iter().all(|delay| (0..=302).contains(delay)));
        let mut per_second: HashMap<i32, usize> = HashMap::new();
        for delay in &delays {
            *per_second.entry(*delay).or_default() += 1;
        }
        assert!(per_second.values().all(|count| *count <= 30), "a burst: {per_second:?}");
        assert!(delays[2_999] >= 299);
    }

    #[test]
    fn a_delay_never_exceeds_what_sqs_takes() {
        assert_eq!(delay(10_000_000, 1, "x"), 900);
    }
}
