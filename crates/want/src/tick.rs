//! Products grow older without anybody saying anything: their age is told in whole days, or hours, and looked at anew with each.

use crate::rules::Rules;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

impl Rules {
    /// How often (ms) time alone can change what is wanted; `None` if it cannot.
    #[must_use]
    pub fn tick(&self) -> Option<i64> {
        let mut ages = self.rules.iter().flat_map(|rule| rule.when.ages()).peekable();
        ages.peek()?;
        Some(if ages.all(|age| age % DAY == 0) { DAY } else { HOUR })
    }

    /// Which tick it is; the same results until the next.
    #[must_use]
    pub fn ticks(&self, now: i64) -> Option<i64> {
        self.tick().map(|tick| now.div_euclid(tick))
    }

    /// How old (ms) something is that was said then.
    pub(crate) fn age(&self, now: i64, said_at: i64) -> i64 {
        let tick = self.tick().unwrap_or(1);
        (now.div_euclid(tick) * tick - said_at).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_by_the_day_or_the_hour_that_rules_ask_for() {
        let of = |text: &str| Rules::read([("r", text)]).unwrap();
        let days = of("rules: [{rule: r, when: {any: [{age: {from: 3 days}}]}, withhold: {reason: old}}]");
        let hours = of(
            "rules: [{rule: r, when: {none: [{age: {below: 36h}}, {age: {from: 2 days}}]}, withhold: {reason: old}}]",
        );
        let none = of("rules: [{rule: r, withhold: {reason: old}}]");
        assert_eq!([days.tick(), hours.tick(), none.tick()], [Some(DAY), Some(HOUR), None]);
        let said = 10 * DAY + 15 * HOUR;
        assert_eq!(days.age(14 * DAY - 1, said), 13 * DAY - said, "no change within a day");
        assert_eq!(days.age(14 * DAY, said), 14 * DAY - said);
        assert_eq!(days.age(11 * DAY - 1, said), 0, "not before it was said");
        assert_eq!(hours.age(14 * DAY + HOUR + 1, said), 14 * DAY + HOUR - said);
        assert_eq!(none.age(said + 7, said), 7);
        assert_eq!((days.ticks(14 * DAY + 5), none.ticks(5)), (Some(14), None));
    }
}
