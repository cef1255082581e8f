//! From what the engine parsed to [`Node`]s. `None` for everything that is not known here.

use std::collections::HashMap;

use rhai::{AST, ASTFlags, ASTNode, Dynamic, Expr, FnCallExpr, FnPtr, Scope, Stmt, StmtBlock, SwitchCasesCollection};

use super::call::{ARGUMENTS, Function};
use super::{Argument, Call, Chain, Direct, If, Link, Node, Step, Switch};
use crate::engine::ENGINE;

/// Variables, fields included: fewer than the engine allows.
const VARIABLES: usize = 32;
/// Functions within each other's calls: fewer than the engine allows.
const CLOSURES: usize = 3;
/// Different texts that a switch may be about.
const CASES: usize = 500;

/// Reads what `text`, an expression that reads the fields `reads`, was parsed to.
pub(crate) fn read(text: &str, reads: &[String], ast: &AST) -> Option<Direct> {
    let mut reader = Reader { ast, text, names: reads.to_vec(), closures: 0, hashes: None };
    let body = reader.steps(ast.statements())?;
    Some(Direct { body })
}

struct Reader<'r> {
    ast: &'r AST,
    text: &'r str,
    names: Vec<String>,
    closures: usize,
    /// The texts in the expression by how the engine's switches know them.
    hashes: Option<HashMap<u64, String>>,
}

impl Reader<'_> {
    fn steps(&mut self, statements: &[Stmt]) -> Option<Vec<Step>> {
        let known = self.names.len();
        let steps = statements.iter().map(|statement| self.step(statement)).collect();
        self.names.truncate(known);
        steps
    }

    fn block(&mut self, block: &StmtBlock) -> Option<Vec<Step>> {
        self.steps(block.statements())
    }

    fn step(&mut self, statement: &Stmt) -> Option<Step> {
        Some(match statement {
            Stmt::Noop(..) => Step::Nothing,
            Stmt::Expr(expr) => Step::Gives(self.node(expr)?, 1),
            // Its own step is the statement's.
            Stmt::FnCall(call, ..) => Step::Gives(self.call(call)?, 0),
            Stmt::Block(block) => Step::Gives(Node::Block(self.block(block)?), 0),
            Stmt::If(choice, ..) => {
                let condition = self.node(&choice.expr)?;
                let (then, otherwise) = (self.block(&choice.body)?, self.block(&choice.branch)?);
                Step::Gives(Node::If(Box::new(If { condition, then, otherwise })), 0)
            }
            Stmt::Switch(choice, ..) => Step::Gives(self.switch(&choice.0, &choice.1)?, 0),
            Stmt::Var(variable, flags, ..) => {
                let (name, value, again) = &**variable;
                if !flags.is_empty() || again.is_some() || self.names.len() >= VARIABLES {
                    return None;
                }
                let value = self.node(value)?;
                self.names.push(name.name.to_string());
                Step::Let(value)
            }
            _ => return None,
        })
    }

    fn nodes<'e>(&mut self, all: impl IntoIterator<Item = &'e Expr>) -> Option<Vec<Node>> {
        all.into_iter().map(|expr| self.node(expr)).collect()
    }

    fn node(&mut self, expr: &Expr) -> Option<Node> {
        Some(match expr {
            Expr::Unit(..) => Node::None,
            Expr::BoolConstant(truth, ..) => Node::Bool(*truth),
            Expr::IntegerConstant(number, ..) => Node::Int(*number),
            Expr::StringConstant(text, ..) => Node::Text(text.to_string()),
            Expr::DynamicConstant(value, ..) => Node::Number(value.as_decimal().ok()?),
            Expr::Variable(variable, ..) => {
                Node::Name(self.names.iter().rposition(|name| *name == variable.1.as_str())?)
            }
            Expr::InterpolatedString(parts, ..) => Node::Joined(self.nodes(parts)?),
            Expr::Array(values, ..) => Node::List(self.nodes(values)?),
            Expr::Map(entries, ..) => {
                let entries = entries.0.iter().map(|(key, value)| Some((key.name.to_string(), self.node(value)?)));
                Node::Object(entries.collect::<Option<_>>()?)
            }
            Expr::And(all, ..) => Node::All(self.nodes(all.iter())?),
            Expr::Or(all, ..) => Node::Any(self.nodes(all.iter())?),
            Expr::Coalesce(all, ..) => Node::First(self.nodes(all.iter())?),
            Expr::Stmt(block) => Node::Block(self.block(block)?),
            Expr::FnCall(call, ..) => self.call(call)?,
            Expr::Dot(..) | Expr::Index(..) => self.chain(expr)?,
            _ => return None,
        })
    }

    fn call(&mut self, call: &FnCallExpr) -> Option<Node> {
        let function = Function::named(&call.name)?;
        if call.capture_parent_scope {
            return None;
        }
        let args = call.args.iter().map(|arg| self.argument(arg)).collect::<Option<Vec<_>>>()?;
        if args.len() > ARGUMENTS {
            return None;
        }
        Some(Node::Call(Box::new(Call { function, args })))
    }

    /// A value that a function is given. What consists of constants only takes the engine one step,
    /// whatever it is.
    fn argument(&mut self, expr: &Expr) -> Option<Node> {
        let node = self.node(expr)?;
        let plain = !matches!(node, Node::List(_) | Node::Object(_) | Node::Joined(_))
            || expr.get_literal_value(None).is_none();
        plain.then_some(node)
    }

    fn chain(&mut self, expr: &Expr) -> Option<Node> {
        let (parts, at) = parts(expr)?;
        let mut chain = Chain { base: self.node(parts.0)?, links: Vec::new(), steps: 0 };
        let simple = match parts.1 {
            Expr::Property(..) => true,
            Expr::MethodCall(call, ..) => call.args.is_empty(),
            index => at && index.get_literal_value(None).is_some(),
        };
        self.links(expr, simple, &mut chain)?;
        Some(Node::Chain(Box::new(chain)))
    }

    /// The links behind the base of `parent`. The engine evaluates their arguments first, which
    /// takes a step a link, unless there are none.
    fn links(&mut self, parent: &Expr, simple: bool, chain: &mut Chain) -> Option<()> {
        let ((_, behind), at) = parts(parent)?;
        chain.steps += u64::from(!simple);
        let ends = parent.options().intersects(ASTFlags::BREAK);
        match behind {
            Expr::Dot(..) | Expr::Index(..) if !ends => {
                let ((first, _), _) = parts(behind)?;
                self.link(first, at, false, chain)?;
                self.links(behind, false, chain)
            }
            last => self.link(last, at, simple, chain),
        }
    }

    fn link(&mut self, expr: &Expr, at: bool, simple: bool, chain: &mut Chain) -> Option<()> {
        chain.links.push(match expr {
            // A number that stands there itself is taken without a step.
            index if at => Link::At(self.node(index)?, !simple),
            Expr::Property(property, ..) => Link::Property(property.2.to_string()),
            Expr::MethodCall(call, ..) => {
                let function = Function::named(&call.name)?;
                let args = call.args.iter().map(|arg| match arg {
                    Expr::DynamicConstant(value, ..) if value.is_fnptr() => {
                        Some(Argument::Closure(self.closure(value)?))
                    }
                    arg => Some(Argument::Value(self.argument(arg)?)),
                });
                let args = args.collect::<Option<Vec<_>>>()?;
                if args.len() >= ARGUMENTS {
                    return None;
                }
                Link::Method(function, args)
            }
            _ => return None,
        });
        Some(())
    }

    /// The body of a function of one value that reads nothing else.
    fn closure(&mut self, pointer: &Dynamic) -> Option<Vec<Step>> {
        let pointer = pointer.read_lock::<FnPtr>()?;
        if pointer.is_curried() || self.closures >= CLOSURES {
            return None;
        }
        let name = pointer.fn_name();
        let function = self.ast.iter_fn_def().find(|function| function.name == name)?.clone();
        let [value] = &function.params[..] else { return None };
        let outside = std::mem::replace(&mut self.names, vec![value.to_string()]);
        self.closures += 1;
        let mut steps = Some(Vec::new());
        // Cloned whole, then reduced: the engine's filtered clone takes all functions (rhai 1.27).
        let mut alone = self.ast.clone_functions_only();
        alone.retain_functions(|_, _, one, _| one == name);
        alone.walk(&mut |path: &[ASTNode<'_>]| {
            if let [ASTNode::Stmt(statement)] = path {
                let step = self.step(statement);
                steps = steps.take().zip(step).map(|(mut steps, step)| {
                    steps.push(step);
                    steps
                });
            }
            true
        });
        self.closures -= 1;
        self.names = outside;
        steps
    }

    /// The engine keeps only hashes of a switch's cases: what they are of is found among the texts
    /// of the expression.
    fn switch(&mut self, on: &Expr, cases: &SwitchCasesCollection) -> Option<Node> {
        if !cases.ranges.is_empty() {
            return None;
        }
        let on = self.node(on)?;
        let arms = cases.expressions.iter().map(|arm| {
            let condition = match &arm.lhs {
                Expr::BoolConstant(true, ..) => None,
                condition => Some(self.node(condition)?),
            };
            Some((condition, self.node(&arm.rhs)?))
        });
        let arms = arms.collect::<Option<Vec<_>>>()?;
        let text = self.text;
        let hashes = self.hashes.get_or_insert_with(|| hashes(text));
        let mut by_text = HashMap::new();
        for (hash, case) in &cases.cases {
            by_text.insert(hashes.get(hash)?.clone(), case.blocks.to_vec());
        }
        Some(Node::Switch(Box::new(Switch { on, cases: by_text, arms, default: cases.def_case })))
    }
}

/// What stands before and behind a point or bracket, and whether it is a bracket.
fn parts(expr: &Expr) -> Option<((&Expr, &Expr), bool)> {
    let (parts, flags, at) = match expr {
        Expr::Dot(parts, flags, ..) => (parts, flags, false),
        Expr::Index(parts, flags, ..) => (parts, flags, true),
        _ => return None,
    };
    (!flags.intersects(ASTFlags::NEGATED)).then_some(((&parts.lhs, &parts.rhs), at))
}

/// The texts of an expression by the engine's hashes of them.
fn hashes(text: &str) -> HashMap<u64, String> {
    let mut scope = Scope::new();
    scope.push_dynamic("v", Dynamic::UNIT);
    let mut found = HashMap::new();
    for literal in crate::names::texts(&crate::names::double_quoted(text)).take(CASES) {
        let Ok(ast) = ENGINE.compile_with_scope(&scope, format!("switch v {{ {literal} => 1, _ => 2 }}")) else {
            continue;
        };
        let Ok(text) = ENGINE.compile(literal) else { continue };
        if let [Stmt::Switch(choice, ..)] = ast.statements()
            && let [Stmt::Expr(expr)] = text.statements()
            && let Expr::StringConstant(text, ..) = &**expr
        {
            found.extend(choice.1.cases.keys().map(|hash| (*hash, text.to_string())));
        }
    }
    found
}
