//! Images from archive to realm: what is taken in, signed, verified, shown and pruned.

mod archive;
mod attach;
mod copy;
mod endorsements;
mod extract;
mod places;
mod platforms;
mod real_images;
mod realms;
mod two_lists;
