//! The named places where a process may stop or die, and how often histories stood at each: before and after each
//! transaction, before and after each call to Tamara.

use crate::wire::fate::Route;
use crate::wire::{Parked, Side};
use datepalm::store::in_line::Point;
use std::collections::BTreeMap;
use std::io::Write;

/// A place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A transaction by its name; whether it is committed.
    Write(&'static str, bool),
    /// A call by its endpoint.
    Call(Route, Side),
}

impl From<Point> for Place {
    fn from(point: Point) -> Self {
        Self::Write(point.transaction, point.committed)
    }
}

impl From<&Parked> for Place {
    fn from(parked: &Parked) -> Self {
        Self::Call(parked.route, parked.side)
    }
}

/// How often a place was stood at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hits {
    /// In all.
    pub stood: u64,
    /// Others went first.
    pub waited: u64,
    /// The process died there.
    pub died: u64,
}

/// All places that histories stood at.
#[derive(Clone, Debug, Default)]
pub struct Coverage(BTreeMap<Place, Hits>);

impl Coverage {
    /// The hits of a place.
    pub fn at(&mut self, place: Place) -> &mut Hits {
        self.0.entry(place).or_default()
    }

    /// Adds another history's.
    pub fn add(&mut self, other: &Self) {
        for (place, hits) in &other.0 {
            let sum = self.at(*place);
            sum.stood += hits.stood;
            sum.waited += hits.waited;
            sum.died += hits.died;
        }
    }

    /// Prints a table.
    pub fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        writeln!(
            out,
            "| crash point | stood at | others went first | died there |"
        )?;
        writeln!(out, "| --- | --- | --- | --- |")?;
        for (place, hits) in &self.0 {
            let name = match place {
                Place::Write(name, false) => format!("before the commit of \"{name}\""),
                Place::Write(name, true) => format!("after the commit of \"{name}\""),
                Place::Call(route, Side::Before) => format!("before the call \"{}\"", route.name()),
                Place::Call(route, Side::After) => format!("after the call \"{}\"", route.name()),
            };
            writeln!(
                out,
                "| {name} | {} | {} | {} |",
                hits.stood, hits.waited, hits.died
            )?;
        }
        Ok(())
    }

    /// Places at which nothing ever died, and all places.
    pub fn never_died(&self) -> (usize, usize) {
        let never = self.0.values().filter(|hits| hits.died == 0).count();
        (never, self.0.len())
    }
}
