//! What is off sale, by a person's act or by ours, and how it comes back; and a product that moves
//! to another address.

use medusa::{Depth, Desired, Known};
use serde_json::{Value, json};

use crate::lab::{AS_IS, Lab, World, chosen};
use crate::proxy::Fault;
use crate::support::{NobodyWants, Real, Shown, deadline, withheld};
use crate::{FAULTS, KINDS};

/// What was done to a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Drafted,
    OutOfChannel,
    SizeDeleted,
    Deleted,
    /// By us.
    Withdrawn,
}

/// A push of a product that is off sale, and whether it is the one that ends that: by a release, or
/// because it is offered again.
const PUSHES: [(Deed, bool); 9] = [
    (Deed::Drafted, false),
    (Deed::Drafted, true),
    (Deed::OutOfChannel, false),
    (Deed::OutOfChannel, true),
    (Deed::SizeDeleted, false),
    (Deed::SizeDeleted, true),
    (Deed::Deleted, true),
    (Deed::Withdrawn, false),
    (Deed::Withdrawn, true),
];

struct Bench<'a> {
    lab: Lab<'a>,
    world: World<'a>,
    /// The id of the product that it is about.
    id: String,
}

/// Whether what a person took off sale is off sale.
async fn stands(world: &World<'_>, deed: Deed) -> Result<(), String> {
    let there = world.real.admin_product(&world.keys[0]).await.unwrap();
    let empty = |rows: &Value| rows.as_array().is_none_or(Vec::is_empty);
    let has_size = |rows: &Value| rows.as_array().unwrap().iter().any(|row| row["sku"] == size(world));
    let stands = match deed {
        Deed::Drafted => there["status"] == "draft",
        Deed::OutOfChannel => empty(&there["sales_channels"]),
        Deed::SizeDeleted => !has_size(&there["variants"]),
        Deed::Deleted | Deed::Withdrawn => true,
    };
    if stands { Ok(()) } else { Err("what a person took off sale is for sale".to_owned()) }
}

/// The size that is deleted.
fn size<'w>(world: &'w World<'_>) -> &'w str {
    &world.before[0].variants[1].sku
}

impl Bench<'_> {
    /// A push, after each write of which everything has to be as it must. How many writes it made.
    async fn push(
        &mut self,
        desired: &[Desired],
        released: bool,
        off: Option<Deed>,
        fault: Option<(usize, Fault)>,
    ) -> Result<usize, String> {
        let Self { lab, world, id } = self;
        let known = [Known { id: Some(id.clone()), released, closely: true, ..Known::default() }, Known::default()];
        let orders: Vec<_> = desired.iter().map(|desired| (desired, Depth::Full)).collect();
        lab.proxy.begin(fault);
        let mut wrong = Ok(());
        let outcomes = {
            let mut push = std::pin::pin!(lab.shop.push_known(&orders, &known, &NobodyWants, deadline()));
            loop {
                tokio::select! {
                    outcomes = &mut push => break outcomes,
                    Some(written) = lab.proxy.written.recv() => {
                        let now = match off {
                            Some(deed) => world.holds().await.and(stands(world, deed).await),
                            None => world.holds().await,
                        };
                        wrong = wrong.and(now.map_err(|why| format!("after {}: {why}", written.call)));
                    }
                }
            }
        };
        wrong?;
        self.world.holds().await?;
        match outcomes.iter().find_map(|outcome| outcome.as_ref().err().filter(|_| fault.is_none())) {
            Some(failure) => Err(format!("nothing was wrong, and yet: {failure}")),
            None => Ok(self.lab.proxy.calls().len()),
        }
    }

    /// As before, and then the deed.
    async fn begin(&mut self, deed: Deed, ended: bool) -> Result<(), String> {
        let before = self.world.desired(&self.world.before);
        self.push(&before, true, None, None).await?;
        let there = self.lab.real.admin_product(&self.world.keys[0]).await.unwrap();
        self.id = there["id"].as_str().unwrap().to_owned();
        let path = format!("/admin/products/{}", self.id);
        let delete = async |path: &str| self.lab.real.shop.medusa.delete(path, deadline()).await.unwrap();
        match deed {
            Deed::Drafted => drop(self.lab.real.admin_post(&path, &json!({"status": "draft"})).await),
            Deed::OutOfChannel => drop(self.lab.real.admin_post(&path, &json!({"sales_channels": []})).await),
            Deed::SizeDeleted => {
                let rows = there["variants"].as_array().unwrap();
                let row = rows.iter().find(|row| row["sku"] == size(&self.world)).unwrap();
                delete(&format!("{path}/variants/{}", row["id"].as_str().unwrap())).await;
            }
            Deed::Deleted => delete(&path).await,
            Deed::Withdrawn if ended => drop(self.push(&self.away(&before), false, None, None).await?),
            Deed::Withdrawn => {}
        }
        Ok(())
    }

    fn away(&self, desired: &[Desired]) -> Vec<Desired> {
        vec![withheld(&self.world.keys[0]), desired[1].clone()]
    }

    /// The push with the fault, then the one that ends it.
    async fn case(&mut self, deed: Deed, ended: bool, fault: Option<(usize, Fault)>) -> Result<usize, String> {
        self.begin(deed, ended).await?;
        let after = self.world.desired(&self.world.after);
        let withdraws = deed == Deed::Withdrawn && !ended;
        let pushed = if withdraws { self.away(&after) } else { after.clone() };
        let released = ended && deed != Deed::Withdrawn;
        let writes = self.push(&pushed, released, Some(deed).filter(|_| !ended), fault).await?;
        let key = self.world.keys[0].clone();
        if withdraws {
            self.push(&pushed, false, None, None).await?;
            if self.lab.real.shown(&key).await.is_some() {
                return Err("it was withdrawn and is for sale".to_owned());
            }
        }
        self.push(&after, deed != Deed::Withdrawn, None, None).await?;
        let (shown, wanted) = (self.lab.real.shown(&key).await, Shown::expected(&self.world.after[0], self.lab.real));
        if shown.as_ref() != Some(&wanted) {
            return Err(format!("it shows {shown:?} and not {wanted:?}"));
        }
        self.lab.real.sound(&key, &self.lab.real.admin_product(&key).await.unwrap()).await?;
        Ok(writes)
    }
}

#[tokio::test]
async fn whatever_write_is_refused_or_lost_what_is_off_sale_stays_so_until_it_is_released_or_offered_again() {
    let Some(real) = Real::connect().await else { return };
    let lab = Lab::of(&real).await;
    let mut world = lab.world(AS_IS, AS_IS);
    world.push(&world.before).await.unwrap();
    lab.states(&mut world, AS_IS, KINDS.last().unwrap().2);
    let mut bench = Bench { lab, world, id: String::new() };
    let (mut cases, mut wrong) = (Vec::new(), Vec::new());
    for (kind, (deed, ended)) in PUSHES.into_iter().enumerate() {
        match bench.case(deed, ended, None).await {
            Ok(writes) => {
                assert!(writes > 0, "{deed:?} {ended}");
                cases.extend((0..writes).flat_map(|n| FAULTS.map(|fault| (kind, n, fault))));
            }
            Err(why) => wrong.push(format!("{deed:?}, ended {ended}, without a fault: {why}")),
        }
    }
    for (kind, n, fault) in chosen(cases) {
        let (deed, ended) = PUSHES[kind];
        if let Err(why) = bench.case(deed, ended, Some((n, fault))).await {
            wrong.push(format!("{deed:?}, ended {ended}, {fault:?} at write {n}: {why}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// A move of one new product; how many writes it takes.
async fn moves(lab: &mut Lab<'_>, fault: Option<(usize, Fault)>) -> Result<usize, String> {
    let world = lab.world(AS_IS, crate::lower);
    world.push(&world.before).await?;
    let key = &world.keys[0];
    let there = lab.real.admin_product(key).await.unwrap();
    let (id, old) = (there["id"].as_str().unwrap(), there["handle"].as_str().unwrap());
    let known = [Known { id: Some(id.to_owned()), moves: true, ..Known::default() }, Known::default()];
    let leads_on = async || {
        let there = lab.real.admin_product(key).await.unwrap();
        let redirects = there["metadata"]["relay_redirects"].as_array().cloned().unwrap_or_default();
        let moved = there["handle"] != old;
        if moved == redirects.contains(&json!(old)) {
            Ok(moved)
        } else {
            Err(format!("{old} is lost: {} {redirects:?}", there["handle"]))
        }
    };
    let desired = world.desired(&world.after);
    let orders: Vec<_> = desired.iter().map(|desired| (desired, Depth::Light)).collect();
    let mut wrong = Ok(());
    lab.proxy.begin(fault);
    {
        let mut push = std::pin::pin!(lab.shop.push_known(&orders, &known, &NobodyWants, deadline()));
        loop {
            tokio::select! {
                _ = &mut push => break,
                Some(written) = lab.proxy.written.recv() => {
                    let now = world.holds().await.and(leads_on().await.map(drop));
                    wrong = wrong.and(now.map_err(|why| format!("after {}: {why}", written.call)));
                }
            }
        }
    }
    wrong?;
    let writes = lab.proxy.calls().len();
    leads_on().await?;
    // Past the proxy, which waits until somebody has looked after each write.
    let mut direct = lab.real.shop_at(&lab.real.url);
    direct.references.handles = lab.shop.references.handles.clone();
    for outcome in direct.push_known(&orders, &known, &NobodyWants, deadline()).await {
        outcome.map_err(|failure| format!("without faults: {failure}"))?;
    }
    if !leads_on().await? {
        return Err("it has not moved".to_owned());
    }
    world.bring_to_rest(&world.after).await.map(|()| writes)
}

#[tokio::test]
async fn whatever_write_of_a_move_is_refused_or_lost_the_old_address_leads_on() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::of(&real).await;
    lab.shop.references.handles = "{title}".parse().unwrap();
    let writes = moves(&mut lab, None).await.unwrap();
    let mut wrong = Vec::new();
    for (_, n, fault) in chosen((0..writes).flat_map(|n| FAULTS.map(|fault| (0, n, fault))).collect()) {
        if let Err(why) = moves(&mut lab, Some((n, fault))).await {
            wrong.push(format!("{fault:?} at write {n}: {why}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}
