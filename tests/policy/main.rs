//! Do policies decide as the programs decide whose they are: skopeo 1.18 and 1.22, and image-rs.

mod cases;
mod desk;
mod own;
mod reports;
