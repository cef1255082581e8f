//! The evaluation.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::value::Val;
use super::{Argument, Chain, Direct, If, Link, Node, Step, Switch, call};
use crate::{Value, budget};

/// What the expression gives for the values of the fields that it reads. `None`: the engine has to
/// be asked.
pub(crate) fn evaluated(direct: &Direct, fields: &[Cow<'_, Value>]) -> Option<Value> {
    let mut run = Run { names: fields.iter().map(|field| Val::of(field)).collect(), base: 0 };
    run.steps(&direct.body).map(Val::into_value)
}

const NO_ARGUMENTS: [Val<'static>; call::ARGUMENTS] = [const { Val::None }; call::ARGUMENTS];

pub(super) struct Run<'a> {
    names: Vec<Val<'a>>,
    /// Where the names begin that are seen.
    base: usize,
}

/// Takes a step.
fn step() -> Option<()> {
    budget::spend(1).then_some(())
}

impl<'a> Run<'a> {
    fn steps(&mut self, steps: &'a [Step]) -> Option<Val<'a>> {
        let known = self.names.len();
        let mut given = Val::None;
        for one in steps {
            given = match one {
                Step::Nothing => {
                    step()?;
                    Val::None
                }
                Step::Gives(node, more) => {
                    if *more > 0 {
                        step()?;
                    }
                    self.value(node)?
                }
                Step::Let(node) => {
                    step()?;
                    let value = self.value(node)?;
                    self.names.push(value);
                    Val::None
                }
            };
        }
        self.names.truncate(known);
        Some(given)
    }

    fn name(&self, name: usize) -> Option<Val<'a>> {
        self.names.get(self.base + name).cloned()
    }

    fn truth(&mut self, node: &'a Node) -> Option<bool> {
        match self.value(node)? {
            Val::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    fn value(&mut self, node: &'a Node) -> Option<Val<'a>> {
        step()?;
        Some(match node {
            Node::None => Val::None,
            Node::Bool(truth) => Val::Bool(*truth),
            Node::Int(number) => Val::Int(*number),
            Node::Number(number) => Val::Number(*number),
            Node::Text(text) => Val::Text(text),
            Node::Name(name) => self.name(*name)?,
            Node::List(nodes) => {
                let values = nodes.iter().map(|node| self.value(node)).collect::<Option<Vec<_>>>()?;
                fitting(Val::List(Rc::new(values)))?
            }
            Node::Object(entries) => {
                let mut all = BTreeMap::new();
                for (key, node) in entries {
                    all.insert(key.as_str(), self.value(node)?);
                }
                fitting(Val::Entries(Rc::new(all)))?
            }
            Node::Joined(parts) => {
                let mut joined = String::new();
                for part in parts {
                    joined.push_str(self.value(part)?.text()?);
                }
                fitting(Val::Made(joined.into()))?
            }
            Node::All(all) => Val::Bool(!self.one_is(all, false)?),
            Node::Any(all) => Val::Bool(self.one_is(all, true)?),
            Node::First(all) => self.first(all)?,
            Node::Block(steps) => self.steps(steps)?,
            Node::If(choice) => {
                let If { condition, then, otherwise } = &**choice;
                let chosen = if self.truth(condition)? { then } else { otherwise };
                self.steps(chosen)?
            }
            Node::Switch(switch) => self.chosen(switch)?,
            Node::Call(called) => {
                let mut args = NO_ARGUMENTS;
                for (arg, node) in args.iter_mut().zip(&called.args) {
                    *arg = self.value(node)?;
                }
                step()?;
                fitting(call::called(called.function, args.get(..called.args.len())?)?)?
            }
            Node::Chain(chain) => self.chain(chain)?,
        })
    }

    /// Whether one of them is that truth. Those behind it are not looked at.
    fn one_is(&mut self, all: &'a [Node], wanted: bool) -> Option<bool> {
        for node in all {
            if self.truth(node)? == wanted {
                return Some(true);
            }
        }
        Some(false)
    }

    /// The first that is given.
    fn first(&mut self, all: &'a [Node]) -> Option<Val<'a>> {
        for node in all {
            let value = self.value(node)?;
            if !matches!(value, Val::None) {
                return Some(value);
            }
        }
        Some(Val::None)
    }

    fn chosen(&mut self, switch: &'a Switch) -> Option<Val<'a>> {
        let on = self.value(&switch.on)?;
        let tried = match &on {
            Val::None => None,
            on => switch.cases.get(on.text()?),
        };
        for arm in tried.into_iter().flatten() {
            let (condition, given) = switch.arms.get(*arm)?;
            let fits = match condition {
                None => true,
                Some(condition) => self.truth(condition)?,
            };
            if fits {
                return self.value(given);
            }
        }
        match switch.default {
            None => Some(Val::None),
            Some(arm) => self.value(&switch.arms.get(arm)?.1),
        }
    }

    fn chain(&mut self, chain: &'a Chain) -> Option<Val<'a>> {
        for _ in 0..chain.steps {
            step()?;
        }
        let mut value = self.value(&chain.base)?;
        for link in &chain.links {
            value = match link {
                Link::Property(name) => {
                    step()?;
                    match &value {
                        Val::Object(entries) => entries.get(name).map_or(Val::None, Val::of),
                        Val::Entries(entries) => entries.get(name.as_str()).cloned().unwrap_or(Val::None),
                        _ => return None,
                    }
                }
                Link::At(index, counts) => {
                    let index = match index {
                        Node::Int(number) => {
                            if *counts {
                                step()?;
                            }
                            *number
                        }
                        node => match self.value(node)? {
                            Val::Int(number) => number,
                            _ => return None,
                        },
                    };
                    step()?;
                    value.values()?.nth(usize::try_from(index).ok()?)?
                }
                Link::Method(function, args) => {
                    let value = self.method(*function, value, args)?;
                    fitting(value)?
                }
            };
        }
        Some(value)
    }

    fn method(&mut self, function: call::Function, on: Val<'a>, args: &'a [Argument]) -> Option<Val<'a>> {
        if matches!(on, Val::Object(_) | Val::Entries(_)) {
            return None;
        }
        if let [Argument::Closure(body)] = args {
            step()?;
            step()?;
            return self.each(function, &on, body);
        }
        let mut all = NO_ARGUMENTS;
        let (first, others) = all.split_first_mut()?;
        *first = on;
        for (value, arg) in others.iter_mut().zip(args) {
            *value = match arg {
                Argument::Value(node) => self.value(node)?,
                Argument::Closure(_) => return None,
            };
        }
        step()?;
        call::called(function, all.get(..=args.len())?)
    }

    /// What a function of one value gives for each value of a list.
    fn each(&mut self, function: call::Function, list: &Val<'a>, body: &'a [Step]) -> Option<Val<'a>> {
        use call::Function::{All, Any, Filter, Map};
        if matches!(list, Val::None) {
            return Some(match function {
                Map | Filter => Val::List(Rc::default()),
                Any => Val::Bool(false),
                All => Val::Bool(true),
                _ => return None,
            });
        }
        let mut given = Vec::new();
        for one in list.values()? {
            step()?;
            let (names, base) = (self.names.len(), self.base);
            self.names.push(one.clone());
            self.base = names;
            let value = self.steps(body);
            self.names.truncate(names);
            self.base = base;
            let value = value?;
            match (function, value) {
                (Map, value) => given.push(value),
                (Filter, Val::Bool(keeps)) => {
                    if keeps {
                        given.push(one);
                    }
                }
                (Any, Val::Bool(true)) => return Some(Val::Bool(true)),
                (All, Val::Bool(false)) => return Some(Val::Bool(false)),
                (Any | All, Val::Bool(_)) => {}
                _ => return None,
            }
        }
        Some(match function {
            Any => Val::Bool(false),
            All => Val::Bool(true),
            _ => Val::List(Rc::new(given)),
        })
    }
}

fn fitting(value: Val<'_>) -> Option<Val<'_>> {
    match &value {
        Val::None | Val::Bool(_) | Val::Int(_) | Val::Number(_) => Some(value),
        other => other.fits().then_some(value),
    }
}
