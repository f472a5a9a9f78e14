//! The command line as a user meets it: the arguments, the output on each stream, and the advice.

mod choices;
mod console;
mod golden;
mod hints;
mod streams;
