//! Layouts to measure with, and the program that makes the rest of them.

use std::path::PathBuf;
use std::process::Command;

use super::layout::{Layer, Layout, Packing};
use super::{Error, Place};

/// How many images the layout `many` holds.
pub const MANY: u32 = 1000;

/// The tags of `count` images.
pub fn tags(count: u32) -> Vec<String> {
    (0..count).map(|n| format!("v{n}")).collect()
}

/// Writes a layout of `count` images that share their layers, and gives those.
pub fn unsigned(
    folder: PathBuf,
    packing: Packing,
    sizes: &[u64],
    count: u32,
) -> Result<Vec<Layer>, Error> {
    note(&format!("layout {}", folder.display()));
    let mut layout = Layout::new(folder)?;
    let layers = layers(&layout, packing, sizes)?;
    for tag in tags(count) {
        layout.image(&tag, &layers)?;
    }
    layout.finish()?;
    Ok(layers)
}

/// Writes the layers, each on a thread of its own: packing takes longest of all.
pub fn layers(layout: &Layout, packing: Packing, sizes: &[u64]) -> Result<Vec<Layer>, Error> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (1..)
            .zip(sizes)
            .map(|(seed, size)| {
                let layer = move || {
                    layout
                        .layer(packing, *size, seed)
                        .map_err(|e| e.to_string())
                };
                scope.spawn(layer)
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| Ok(thread.join().expect("writing does not panic")?))
            .collect()
    })
}

pub fn note(what: &str) {
    eprintln!("making {what}");
}

/// Runs the program that is measured, to make an input.
pub fn ours(place: &Place, arguments: &[&str]) -> Result<(), Error> {
    let output = Command::new(&place.program)
        .args(arguments)
        .current_dir(&place.root)
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("ir-sign {}: {said}", arguments[0]).into());
    }
    Ok(())
}
