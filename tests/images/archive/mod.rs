//! Archives through the public interface: ir-sign takes the right ones, refuses others, and finds damage.

mod build;
mod damage;
mod fixtures;
mod kinds;
mod legacy;
mod refusals;
mod streams;
