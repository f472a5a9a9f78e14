//! OCI image layouts in folders, and registry directories of them.

pub(super) mod apply;
mod attach;
pub(super) mod docker_list;
pub(super) mod folder;
pub(super) mod incoming;
pub(super) mod mend;
pub(super) mod prune;
pub(super) mod realm;
pub(super) mod referrers;
pub(super) mod registry;
pub(super) mod tags_above;
pub(super) mod transaction;
mod unlisted;
