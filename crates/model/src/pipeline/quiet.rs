//! What happens when nothing goes wrong any more: everybody takes the next step, time passes, the
//! sweep runs.

use super::world::{Faults, Phase, Worker, World};
use super::{Event, Pipeline};

/// More rounds than any recovery needs: a lease, a landing time, a sweep and a second look at each
/// stage, twice over.
const ROUNDS: usize = 24;
/// More steps than one message needs.
const STEPS: usize = 24;

impl Phase {
    pub(crate) const fn under_way(self) -> bool {
        !matches!(self, Self::Absent | Self::Waiting | Self::Done)
    }
}

impl Pipeline {
    /// Where quiet leads from here.
    pub(crate) fn quiet(&self, from: &World) -> World {
        let mut world = World { left: Faults::default(), ..from.clone() };
        for _ in 0..ROUNDS {
            for index in 0..world.runs.len() {
                for _ in 0..STEPS {
                    self.run_step(&mut world, index);
                }
            }
            while !world.flights.is_empty() {
                self.happen(&mut world, Event::Lands(0));
            }
            while world.saved || world.looked.is_some() {
                self.happen(&mut world, Event::ChangeFeed);
            }
            while world.gone || world.compared.is_some() {
                self.happen(&mut world, Event::Compares);
            }
            for stage in 0..2 {
                for _ in 0..world.queues[stage] {
                    self.happen(&mut world, Event::Take(stage));
                    for _ in 0..STEPS {
                        self.work_step(&mut world, stage, 0);
                        if world.workers[stage][0] == Worker::Idle {
                            break;
                        }
                    }
                }
            }
            if world.at_rest() {
                if !world.pending() {
                    break;
                }
                self.happen(&mut world, Event::Sweeps);
            }
            world.tick();
        }
        world
    }
}
