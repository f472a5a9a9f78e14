//! Images from archive to realm: taking them in, signing, verifying, showing and pruning them.

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
