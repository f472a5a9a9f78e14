//! Images from archive to realm: what is taken in, signed, verified, shown and pruned.

mod archive;
mod copy;
mod endorsements;
mod extract;
mod platforms;
mod real_images;
mod realms;
mod two_lists;
