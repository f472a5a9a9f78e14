//! Archives through the public interface: what is taken, what is refused, and that damage shows.

mod build;
mod damage;
mod fixtures;
mod kinds;
mod legacy;
mod refusals;
mod streams;
