//! One manual page: the generator's parts, and beside them a synopsis with values, examples, environment, exit status
//! and related pages (man-pages(7), "Sections within a manual page").

use std::io;

use clap::builder::Str;
use clap::{Arg, ArgAction, Command};
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use super::pages::{Page, STATUSES};

/// The manual page of a command, by the page's name.
pub(super) fn page_of(name: &str, command: &Command) -> io::Result<Vec<u8>> {
    let path = command.get_bin_name().unwrap_or(name).to_owned();
    let page = Page::of(&path, command);
    let man = clap_mangen::Man::new(command.clone().display_name(name))
        .source(concat!("ir-sign ", env!("CARGO_PKG_VERSION")));
    let mut bytes = Vec::new();
    man.render_title(&mut bytes)?;
    man.render_name_section(&mut bytes)?;
    synopsis(&path, command).to_writer(&mut bytes)?;
    man.render_description_section(&mut bytes)?;
    if command.get_arguments().any(|arg| !arg.is_hide_set()) {
        man.render_options_section(&mut bytes)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut bytes)?;
    }
    last_parts(&page).to_writer(&mut bytes)?;
    let text = String::from_utf8(bytes).map_err(io::Error::other)?;
    // The generator omits the empty date, so that the version would take its place.
    let title = format!(".TH {name} 1 ");
    let dated = text.replacen(&format!("{title} "), &format!("{title}\"\" "), 1);
    Ok(dated.into_bytes())
}

fn synopsis(path: &str, command: &Command) -> Roff {
    let mut roff = Roff::default();
    roff.control("SH", ["SYNOPSIS"]);
    let mut line = vec![bold(path)];
    let flags = command
        .get_opts()
        .chain(command.get_arguments().filter(|arg| is_switch(arg)));
    let (required, optional): (Vec<&Arg>, Vec<&Arg>) = flags
        .filter(|arg| !arg.is_hide_set())
        .partition(|arg| arg.is_required_set());
    for arg in required.into_iter().chain(optional) {
        line.push(roman(if arg.is_required_set() { " " } else { " [" }));
        line.push(bold(flag(arg)));
        if !is_switch(arg) {
            line.push(roman(" "));
            line.push(italic(values(arg)));
        }
        line.push(roman(end(arg)));
    }
    for arg in command.get_positionals() {
        line.push(roman(if arg.is_required_set() { " " } else { " [" }));
        line.push(italic(values(arg)));
        line.push(roman(end(arg)));
    }
    if command.has_subcommands() {
        line.extend([roman(" "), italic("COMMAND")]);
    }
    roff.text(line);
    roff
}

fn is_switch(arg: &Arg) -> bool {
    !arg.is_positional() && !arg.get_action().takes_values()
}

fn flag(arg: &Arg) -> String {
    match (arg.get_short(), arg.get_long()) {
        (Some(short), _) => format!("-{short}"),
        (None, Some(long)) => format!("--{long}"),
        (None, None) => String::new(),
    }
}

fn values(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    if names.is_empty() {
        return arg.get_id().as_str().to_uppercase();
    }
    let names: Vec<&str> = names.iter().map(Str::as_str).collect();
    names.join(" ")
}

/// The end of a flag: its bracket, and dots where it may be repeated.
fn end(arg: &Arg) -> &'static str {
    let again = matches!(arg.get_action(), ArgAction::Append | ArgAction::Count);
    match (arg.is_required_set(), again) {
        (true, false) => "",
        (true, true) => "...",
        (false, false) => "]",
        (false, true) => "]...",
    }
}

fn last_parts(page: &Page) -> Roff {
    let mut roff = Roff::default();
    if !page.examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
    }
    for example in page.examples {
        roff.control("PP", []);
        roff.text([roman(example.what)]);
        roff.control("PP", []);
        roff.control("RS", ["4"]);
        roff.control("nf", []);
        for line in example.lines.iter().flat_map(|line| line.split('\n')) {
            roff.text([bold(line)]);
        }
        roff.control("fi", []);
        roff.control("RE", []);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    table(&mut roff, &page.environment);
    roff.control("SH", ["EXIT STATUS"]);
    table(&mut roff, &STATUSES);
    roff.control("SH", ["SEE ALSO"]);
    let mut line: Vec<Inline> = Vec::new();
    for name in &page.see_also {
        if !line.is_empty() {
            line.push(roman(", "));
        }
        let (name, section) = name.split_once('(').unwrap_or((name, ""));
        line.extend([bold(name), roman(format!("({section}"))]);
    }
    roff.text(line);
    roff
}

fn table(roff: &mut Roff, rows: &[(&str, &str)]) {
    for (name, what) in rows {
        roff.control("TP", []);
        roff.text([bold(*name)]);
        roff.text([roman(*what)]);
    }
}
