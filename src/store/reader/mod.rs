//! Reading images out of any place: everything that a reader returns has the digest and size that its descriptor
//! states.

pub(super) mod blobs;
pub(super) mod closure;
pub(super) mod distinct;
pub(super) mod docker_list;
pub(super) mod draft;
pub(super) mod find;
pub(super) mod inert;
pub(super) mod layers;
pub(super) mod only;
pub(super) mod resolve;
pub(super) mod selected;
pub(super) mod subject;
pub(super) mod tree;
