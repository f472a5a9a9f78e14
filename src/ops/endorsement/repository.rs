//! The endorsement that a vendor has in a repository of a registry (R59).

use std::path::Path;

use super::in_use::{Use, manifest_if_any};
use super::other_ca::check_ca;
use super::{Endorser, Source};
use crate::crypto::P384Key;
use crate::image::{Image, Reference};
use crate::ops::endorse;
use crate::ops::error::Error;
use crate::ops::way::Way;
use crate::scheme::annotation::Endorsement;
use crate::store::remote::RemoteStore;
use crate::store::{Kind, Reader, Selection, Store};

/// How many manifests the search reads at most.
const MOST: usize = 200;

/// The endorsement to sign with: the one that was given, the one that the images carry, one that another image of the
/// repository carries, or a new one.
pub(in crate::ops) fn choose(
    endorser: &Endorser,
    vendor: &P384Key,
    images: &[Image],
    store: &RemoteStore,
    reader: &Reader<'_>,
    replaces_other_ca: bool,
) -> Result<(Endorsement, Source), Error> {
    let ca = match endorser {
        Endorser::Given(endorsement, _) => *endorsement.ca(),
        Endorser::Signer(signer) => *signer.public_key(),
    };
    let place = store.place().to_string();
    for image in images {
        let named = (&place as &dyn std::fmt::Display, &*image.name);
        check_ca(&image.manifest, named, &ca, replaces_other_ca)?;
    }
    let of = |image: &Image| {
        let named = (Path::new(&place), &*image.name, image.digest());
        Use::on(&image.manifest, named, vendor, &ca)
    };
    let own: Vec<Use> = images.iter().filter_map(of).collect();
    let conflict = |other: &Use, used: &Endorsement, given: String, way| Error::OtherEndorsement {
        found_on: other.image.clone(),
        vendor: vendor.fingerprint(),
        ca: ca.fingerprint(),
        given,
        changed: other.endorsement.is_other_form_of(used),
        way,
    };
    let signer = match endorser {
        Endorser::Given(given, path) => {
            if let Some(other) = own.iter().find(|one| one.endorsement != **given) {
                return Err(conflict(
                    other,
                    given,
                    path.display().to_string(),
                    Way::InUse,
                ));
            }
            return Ok((Endorsement::clone(given), Source::Given));
        }
        Endorser::Signer(signer) => signer,
    };
    let mut own = own.into_iter();
    let found = match own.next() {
        Some(first) => {
            if let Some(other) = own.find(|one| one.endorsement != first.endorsement) {
                return Err(conflict(
                    &other,
                    &first.endorsement,
                    first.image,
                    Way::OneByOne,
                ));
            }
            Some(first)
        }
        None => search(vendor, &ca, store, reader)?,
    };
    match found {
        None => Ok((endorse::make(*vendor, signer)?, Source::Made)),
        Some(found) => {
            signer.prove_public()?;
            Ok((found.endorsement, Source::Found(found.image)))
        }
    }
}

/// The endorsement that the first image of the repository carries which has one of this vendor by this CA.
fn search(
    vendor: &P384Key,
    ca: &P384Key,
    store: &RemoteStore,
    reader: &Reader<'_>,
) -> Result<Option<Use>, Error> {
    let place = store.place().to_string();
    let unknown = |source| Error::Endorsements {
        vendor: vendor.fingerprint(),
        source,
    };
    let mut read = 0;
    for tag in store.tag_names()? {
        let reference = Reference::Tag(tag);
        let found = match reader.resolve(std::slice::from_ref(&reference), &Selection::Any) {
            Ok(found) => found,
            // Somebody removed the tag meanwhile.
            Err(error) if matches!(error.kind, Kind::NoSuchImage { .. }) => continue,
            Err(error) => return Err(unknown(error)),
        };
        for selected in found {
            if read == MOST {
                return Err(Error::TooManyTags {
                    place: store.place().clone(),
                    most: MOST,
                });
            }
            read += 1;
            let manifest = manifest_if_any(reader, &selected.descriptor).map_err(unknown)?;
            let Some(manifest) = manifest else {
                continue;
            };
            let named = (
                Path::new(&place),
                &*selected.name,
                selected.descriptor.digest,
            );
            if let Some(found) = Use::on(&manifest, named, vendor, ca) {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}
