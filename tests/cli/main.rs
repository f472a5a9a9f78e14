//! The command line as a user meets it: what is typed, what is printed where, and which advice is given.

mod choices;
mod console;
mod golden;
mod hints;
mod streams;
