//! Making the category tree hold what a feed says: the effects behind [`plan`](crate::plan).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::Failure;
use serde_json::{Map, Value, json};

use crate::answer::{self, AliasOutcome, Saved};
use crate::client::Pimcore;
use crate::external;
use crate::input::CategoryNames;
use crate::operations;
use crate::path::{CATEGORY_FOLDER, CategoryPath};
use crate::plan::{Claim, NewParent, Plan, Step, external_id, plan};
use crate::tree::{CategoryTree, TreeNode};
use crate::{codes, said};

/// How old the tree may be while nothing has to be done. A category deleted meanwhile shows when a
/// product is refused.
pub const TREE_AGE: Duration = Duration::from_secs(300);
/// Categories created in one request.
const CREATES: usize = 20;
/// Rounds of looking and doing. More mean that people and feeds are at odds just now.
const ROUNDS: usize = 6;

/// What was learnt while categories were placed.
#[derive(Debug, Default)]
struct Learnt {
    /// What cannot be had, by [`name`].
    failed: HashMap<String, Failure>,
    /// External ids that Pimcore takes for another's, by rules of its database's that are not
    /// repeated here.
    apart: HashSet<String>,
}

/// Object ids of categories, by external id.
#[derive(Debug, Clone, Default)]
pub struct Placed {
    tree: Arc<CategoryTree>,
    failed: HashMap<String, Failure>,
}

impl Placed {
    /// The object id of the category that a path leads to; the first failure on the way there
    /// otherwise.
    ///
    /// # Errors
    /// Why it cannot be had: permanent if Pimcore refuses it, transient otherwise.
    pub fn id_of(&self, source: &str, path: &catalog::CategoryPath) -> Result<Option<u32>, Failure> {
        for category in &path.0 {
            if let Some(failure) = self.failed.get(&external_id(source, &category.id)) {
                return Err(failure.clone());
            }
        }
        let Some(leaf) = path.0.last() else { return Ok(None) };
        let id = external_id(source, &leaf.id);
        self.tree.by_external_id(&id).map(|node| Some(node.id)).ok_or_else(|| {
            said::transient(codes::CATEGORY_MISSING, format!("category {id} does not exist in Pimcore yet"))
        })
    }
}

impl Pimcore {
    /// Creates, moves and renames what the claims call for. Costs no request when the tree holds it
    /// all already.
    ///
    /// `fresh` reads the tree again in any case: a product was refused because its category had
    /// gone.
    ///
    /// # Errors
    /// Transient, when Pimcore cannot be asked. What concerns single categories is in [`Placed`].
    pub async fn place_categories(
        &self,
        claims: &[Claim<'_>],
        fresh: bool,
        deadline: Instant,
    ) -> Result<Placed, Failure> {
        let mut max_age = if fresh { Duration::ZERO } else { TREE_AGE };
        let mut learnt = Learnt::default();
        let mut tree = Arc::default();
        for _ in 0..ROUNDS {
            tree = self.category_tree(max_age, deadline).await?;
            let mut todo = plan(&tree, claims);
            todo.steps.retain(|step| !learnt.failed.contains_key(&name(step)));
            if todo.steps.is_empty() && (todo.refused.is_empty() || max_age.is_zero()) {
                learnt.failed.extend(todo.refused);
                return Ok(Placed { tree, failed: learnt.failed });
            }
            if !max_age.is_zero() {
                // Decide on what Pimcore holds now, not on what it held some minutes ago.
                max_age = Duration::ZERO;
                continue;
            }
            let changed = self.carry_out(&tree, claims, todo, &mut learnt, deadline).await?;
            self.remember_tree(&changed).await;
            tree = changed;
            let rest = plan(&tree, claims);
            if rest.steps.iter().all(|step| learnt.failed.contains_key(&name(step))) {
                learnt.failed.extend(rest.refused);
                return Ok(Placed { tree, failed: learnt.failed });
            }
        }
        // What is still missing shows as "does not exist yet": transient.
        Ok(Placed { tree, failed: learnt.failed })
    }

    /// Gives the tree with what was done.
    async fn carry_out(
        &self,
        tree: &Arc<CategoryTree>,
        claims: &[Claim<'_>],
        todo: Plan,
        learnt: &mut Learnt,
        deadline: Instant,
    ) -> Result<Arc<CategoryTree>, Failure> {
        learnt.failed.extend(todo.refused);
        let (creates, updates): (Vec<Step>, Vec<Step>) =
            todo.steps.into_iter().partition(|step| matches!(step, Step::Create { .. }));
        let mut tree = Arc::clone(tree);
        for creates in creates.chunks(CREATES) {
            self.create(creates, &mut tree, learnt, deadline).await?;
        }
        let mut next = updates.into_iter().next();
        // One at a time: a move changes the paths of everything below.
        while let Some(step) = next {
            match self.update(&step, deadline).await {
                Ok(saved) => apply(Arc::make_mut(&mut tree), &step, &saved),
                Err(failure) => {
                    tracing::warn!(category = name(&step), %failure, "a category could not be moved or renamed");
                    learnt.failed.insert(name(&step), failure);
                    tree = self.category_tree(Duration::ZERO, deadline).await?;
                }
            }
            let rest = plan(&tree, claims).steps.into_iter();
            next = rest
                .filter(|step| matches!(step, Step::Update { .. }))
                .find(|step| !learnt.failed.contains_key(&name(step)));
        }
        Ok(tree)
    }

    async fn create(
        &self,
        creates: &[Step],
        tree: &mut Arc<CategoryTree>,
        learnt: &mut Learnt,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let variables = created_with(creates, learnt);
        let document = operations::category_batch(creates.len());
        let sent = self.post(&document, &Value::Object(variables), deadline).await?;
        let outcomes = answer::mutation(sent.view(), creates.len())?;
        let mut refresh = false;
        for (step, outcome) in creates.iter().zip(outcomes) {
            let id = name(step);
            match outcome {
                AliasOutcome::Done(saved) => {
                    tracing::info!(category = id, path = saved.fullpath, "category created");
                    refresh |= !learn(Arc::make_mut(tree), step, &saved);
                }
                AliasOutcome::Exists(message) => {
                    // Somebody else was first, or an object that is not this category stands there:
                    // the tree tells.
                    *tree = self.category_tree(Duration::ZERO, deadline).await?;
                    let unseen = tree.by_external_id(&id).is_none() && tree.alike(&id).is_none();
                    if unseen && (external::apart(&id).is_none() || !learnt.apart.insert(id.clone())) {
                        learnt.failed.insert(id.clone(), taken(&id, &message));
                    }
                }
                AliasOutcome::Refused(failure) => {
                    learnt.failed.insert(
                        id.clone(),
                        Failure { message: format!("category {id}: {}", failure.message), ..failure },
                    );
                }
                AliasOutcome::Again(failure) => return Err(failure),
                AliasOutcome::StaleTree(_) | AliasOutcome::Missing | AliasOutcome::NotDone | AliasOutcome::Stale(_) => {
                    refresh = true;
                }
                AliasOutcome::Died => {
                    let message = format!("category {id}: Pimcore reports an internal error while saving it");
                    // Its products wait, the others go on. What came after it was rolled back.
                    learnt.failed.insert(id.clone(), said::choked(message, false));
                    refresh = true;
                }
            }
        }
        if refresh {
            *tree = self.category_tree(Duration::ZERO, deadline).await?;
        }
        Ok(())
    }

    async fn update(&self, step: &Step, deadline: Instant) -> Result<Saved, Failure> {
        let Step::Update { from, parent, to, input, .. } = step else {
            return Err(Failure::permanent(codes::INTERNAL, "a create is not an update"));
        };
        let mut variables = json!({"fullpath": from.as_str(), "input": input});
        if let Some(parent) = parent {
            variables["parentId"] = match parent {
                NewParent::Category(id) => (*id).into(),
                NewParent::Root => self.health(deadline).await?.category_folder.into(),
            };
        }
        let sent = self.post(operations::UPDATE_CATEGORY, &variables, deadline).await?;
        match answer::single(sent.view(), "updateCatalogCategory")? {
            // Success alone means nothing: a parent that does not exist is ignored.
            AliasOutcome::Done(saved) if saved.fullpath == to.as_str() => {
                tracing::info!(%from, %to, "category updated");
                Ok(saved)
            }
            AliasOutcome::Done(saved) => Err(said::transient(
                codes::MOVE_IGNORED,
                format!("category {from} was to be at {to}, Pimcore left it at: {}", saved.fullpath),
            )),
            AliasOutcome::Refused(failure) | AliasOutcome::Again(failure) => Err(failure),
            other => {
                Err(said::transient(codes::MOVE_FAILED, format!("category {from} could not become {to}: {other:?}")))
            }
        }
    }
}

/// The external id of a create, from where to where an update goes: what a failure is kept under.
/// The variables of a request that creates categories.
fn created_with(creates: &[Step], learnt: &Learnt) -> Map<String, Value> {
    let mut variables = Map::new();
    for (n, step) in creates.iter().enumerate() {
        let Step::Create { external_id, parent, key, input, .. } = step else { continue };
        let mut input = input.clone();
        if learnt.apart.contains(external_id) {
            input.external_id = external::apart(external_id);
        }
        variables.insert(format!("k{n}"), key.as_str().into());
        variables.insert(format!("p{n}"), parent.as_ref().map_or(CATEGORY_FOLDER, CategoryPath::as_str).into());
        variables.insert(format!("i{n}"), json!(input));
    }
    variables
}

fn name(step: &Step) -> String {
    match step {
        Step::Create { external_id, .. } => external_id.clone(),
        Step::Update { from, to, .. } => format!("{from} -> {to}"),
    }
}

/// Notes a saved update in the tree.
fn apply(tree: &mut CategoryTree, step: &Step, saved: &Saved) {
    let Step::Update { id, parent, to, input, .. } = step else { return };
    let parent = match parent {
        None => tree.get(*id).and_then(|node| node.parent),
        Some(NewParent::Root) => None,
        Some(NewParent::Category(parent)) => Some(*parent),
    };
    tree.relocate(*id, parent, to, saved.modified);
    if let Some(names) = &input.name {
        tree.rename(*id, &names.texts(), input.slug.as_deref());
    }
}

/// Adds a created category to the tree; whether that was possible.
fn learn(tree: &mut CategoryTree, step: &Step, saved: &Saved) -> bool {
    let Step::Create { external_id, parent, parent_id, input, .. } = step else { return false };
    let Some(path) = CategoryPath::parse(&saved.fullpath) else { return false };
    let parent = match (parent, parent_id) {
        (None, _) => None,
        (_, Some(id)) => Some(*id),
        (Some(path), None) => match tree.at(path) {
            Some(node) => Some(node.id),
            None => return false,
        },
    };
    tree.insert(TreeNode {
        id: saved.id,
        parent,
        path,
        external_id: Some(external_id.clone()),
        published: true,
        name: input.name.as_ref().map(CategoryNames::texts).unwrap_or_default(),
        slug: input.slug.clone(),
        shop_handle: None,
        hidden: false,
        created: saved.modified,
        modified: saved.modified,
    });
    true
}

fn taken(id: &str, message: &str) -> Failure {
    said::permanent(
        codes::CATEGORY_TAKEN,
        format!("category {id}: another object stands in its place; move or rename it in Pimcore: {message}"),
    )
}
