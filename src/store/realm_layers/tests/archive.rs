//! Handmade layers.

use tar::{EntryType, Header};

/// A layer under construction.
#[derive(Clone, Default)]
pub(super) struct Layer(pub(super) Vec<u8>);

pub(super) fn layer() -> Layer {
    Layer::default()
}

impl Layer {
    pub(super) fn header(mut self, mut header: Header, content: &[u8]) -> Self {
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        let padded = self.0.len().next_multiple_of(512);
        self.0.resize(padded, 0);
        self
    }

    pub(super) fn member(self, kind: EntryType, name: &str, link: &str, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        let fields = header.as_old_mut();
        fields.name[..name.len()].copy_from_slice(name.as_bytes());
        fields.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        self.header(header, content)
    }

    pub(super) fn file(self, name: &str) -> Self {
        self.member(EntryType::Regular, name, "", b"content")
    }

    pub(super) fn folder(self, name: &str) -> Self {
        self.member(EntryType::Directory, name, "", b"")
    }

    pub(super) fn link(self, name: &str, target: &str) -> Self {
        self.member(EntryType::Symlink, name, target, b"")
    }

    pub(super) fn hard(self, name: &str, target: &str) -> Self {
        self.member(EntryType::Link, name, target, b"")
    }

    pub(super) fn pax(self, records: &[(&str, &str)]) -> Self {
        self.member(EntryType::XHeader, "pax", "", &records_of(records))
    }

    pub(super) fn end(mut self) -> Self {
        self.0.extend_from_slice(&[0; 1024]);
        self
    }
}

pub(super) fn records_of(records: &[(&str, &str)]) -> Vec<u8> {
    let mut content = Vec::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let digits = |n: usize| n.to_string().len();
        let mut length = rest.len() + 1;
        while length != rest.len() + digits(length) {
            length = rest.len() + digits(length);
        }
        content.extend_from_slice(format!("{length}{rest}").as_bytes());
    }
    content
}

pub(super) fn header_of_map() -> Header {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[0] = b's';
    header.set_entry_type(EntryType::GNUSparse);
    header.set_size(512);
    header.as_mut_bytes()[482] = 1;
    header
}
