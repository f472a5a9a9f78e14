//! Reading and writing whole files.

use super::*;

/// Gives these errors, the last one first, and then a byte.
struct Signals(Vec<io::ErrorKind>);

impl Read for Signals {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.pop() {
            Some(kind) => Err(kind.into()),
            None => (&b"x"[..]).read(buffer),
        }
    }
}

#[test]
fn a_read_goes_on_after_a_signal_and_ends_with_any_other_error() {
    use io::ErrorKind::{Interrupted, PermissionDenied};
    let read = |mut reader: Signals| {
        let mut buffer = [0; 4];
        let outcome = read_some(&mut reader, &mut buffer);
        (outcome.map_err(|e| e.kind()), buffer[0], reader.0.len())
    };
    let twice = Signals(vec![Interrupted, Interrupted]);
    assert_eq!(read(twice), (Ok(1), b'x', 0));
    let broken = Signals(vec![Interrupted, PermissionDenied, Interrupted]);
    assert_eq!(read(broken), (Err(PermissionDenied), 0, 1));
}

#[test]
fn the_longest_name_is_written_and_replaced() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    for name in ["n".repeat(255), "ü".repeat(127)] {
        let path = folder.path().join(name);
        for (content, existing) in [(b"one", Existing::Refuse), (b"two", Existing::Replace)] {
            check_writable(&path)?;
            write(&path, content, 0o600, existing)?;
            assert_eq!(fs::read(&path)?, content);
        }
    }
    assert_eq!(fs::read_dir(folder.path())?.count(), 2);
    Ok(())
}

#[test]
fn a_file_that_appears_after_the_check_is_not_replaced() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("key");
    fs::write(&path, b"theirs")?;
    for existing in [Existing::Refuse, Existing::Keep] {
        let error = write_new(&path, b"ours", 0o600, existing);
        assert!(matches!(error, Err(Error::Exists { .. })), "{error:?}");
        assert_eq!(fs::read(&path)?, b"theirs");
    }
    write_new(&path, b"ours", 0o600, Existing::Replace)?;
    assert_eq!(fs::read(&path)?, b"ours");
    assert_eq!(fs::read_dir(folder.path())?.count(), 1);
    Ok(())
}
