//! The images of `verify` and `verify-attestation`: in a registry, a layout or an archive, or in a folder that
//! `--local-image` makes a layout.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::common::image;
use crate::image::ImageName;

/// The names, as `--local-image` means them.
#[derive(Debug)]
pub struct VerifiedImages {
    /// The names, in their order.
    pub names: Vec<ImageName>,
}

// The words: only with the flag do they have a meaning.
#[derive(Debug, Args)]
struct Words {
    /// The image (several allowed): HOST/REPO[:TAG][@DIGEST], docker://…, oci:DIR[:TAG], or an archive; all have to hold
    #[arg(value_name = "IMAGE", value_parser = NonEmptyStringValueParser::new(), required = true)]
    images: Vec<String>,
    /// Each IMAGE is the path of a layout, as `cosign save` writes it: DIR means oci:DIR
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_value = "false", hide_default_value = true, default_missing_value = "true", hide_possible_values = true, action = clap::ArgAction::Set)]
    local_image: bool,
}

impl Words {
    fn names(self) -> Result<VerifiedImages, clap::Error> {
        let is_local = self.local_image;
        let names = self.images.into_iter().map(|text| {
            if is_local && !text.starts_with("oci:") {
                return Ok(ImageName::Layout {
                    path: PathBuf::from(text),
                    reference: None,
                });
            }
            image(&text).map_err(|reason| {
                let text = format!("invalid value '{text}' for '<IMAGE>...': {reason}\n\nFor more information, try '--help'.\n");
                clap::Error::raw(ErrorKind::ValueValidation, text)
            })
        });
        Ok(VerifiedImages {
            names: names.collect::<Result<_, _>>()?,
        })
    }
}

impl FromArgMatches for VerifiedImages {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Words::from_arg_matches(matches)?.names()
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        Words::from_arg_matches_mut(matches)?.names()
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for VerifiedImages {
    fn augment_args(command: Command) -> Command {
        Words::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Words::augment_args(command)
    }
}
