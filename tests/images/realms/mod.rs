//! Which images realms get, held against a stand-in of the server that hands them out.

mod builders;
mod layers;
mod mending;
mod rules;
mod server;
