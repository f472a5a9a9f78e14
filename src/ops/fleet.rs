//! Verifies all tags of a repository of a registry, one by one: the run hands each verdict on and forgets it.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::{thread, vec};

use super::error::Error;
use super::found::{Counted, Found};
use super::judge::Judge;
use super::repository::RepositoryAt;
use super::shard::Shard;
use crate::crypto::Digest;
use crate::image::{Descriptor, Embedded, Platform, Reference, Tag, media};
use crate::ocicrypt::Keys;
use crate::parallel;
use crate::report::Report;
use crate::store::remote::{AT_ONCE, is_of_all};
use crate::store::{self, Kind, Limits, Reader, Selected};

/// If requests for this many images in succession fail, the run looks at no more images.
pub(super) const MOST_UNREACHED: usize = 12;
/// How many bytes of manifests to keep: the manifests of the tags that the run looks at just now.
const KEPT: u64 = 512 << 10;

/// A repository, all of whose tags are verified.
pub(super) struct Fleet<'a> {
    pub(super) at: &'a RepositoryAt,
    /// The shard of its images that the user meant.
    pub(super) shard: Option<Shard>,
    pub(super) limits: Limits,
    /// The keys for encrypted layers.
    pub(super) decryption: &'a Keys,
    /// An image's name among the images of other places.
    pub(super) name: &'a (dyn Fn(&str) -> String + Sync),
}

/// A task: something to look at.
enum Job {
    Tag(Tag),
    Image(Selected),
}

/// The tasks that are left.
struct Work {
    tags: vec::IntoIter<Tag>,
    /// The images of the tags that were opened.
    images: VecDeque<Selected>,
    /// How many tags the run is opening; they may lead to more images.
    opening: usize,
    /// How many requests failed in succession until now.
    unreached: usize,
    /// Whether the run met an image, of whatever shard, or something that may hide an image.
    met: bool,
    is_over: bool,
}

/// Hashes of everything that the run has met, 16 bytes each. The keys of the hashes are secret, so nobody outside can
/// find two things with one hash.
#[derive(Default)]
struct Seen {
    keys: [RandomState; 2],
    all: Mutex<HashSet<[u64; 2]>>,
}

impl Seen {
    fn hash(&self, what: &impl Hash) -> [u64; 2] {
        [self.keys[0].hash_one(what), self.keys[1].hash_one(what)]
    }

    /// Whether it is new.
    fn add(&self, what: &impl Hash) -> bool {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(self.hash(what))
    }

    fn has(&self, what: &impl Hash) -> bool {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.contains(&self.hash(what))
    }
}

/// How the run met something.
#[derive(Hash)]
enum Met<'a> {
    /// The run noted everything below it.
    Opened(Digest),
    /// The run decided about it.
    Image(Digest),
    /// The run checked the statements of an entry about it.
    Stated(&'a str, Digest, u64, Option<&'a Platform>, Embedded),
    InOtherShard(Digest),
    Ignored(Digest),
}

impl<'a> Met<'a> {
    fn stated(descriptor: &'a Descriptor) -> Self {
        let kind = &descriptor.media_type;
        let kind = media::oci_equivalent(kind).unwrap_or(kind);
        let platform = descriptor.platform.as_deref();
        let (digest, size) = (descriptor.digest, descriptor.size);
        Self::Stated(kind, digest, size, platform, descriptor.embedded)
    }

    /// The content of an entry that states no platform and embeds nothing.
    fn bare(descriptor: &'a Descriptor) -> Self {
        match Self::stated(descriptor) {
            Self::Stated(kind, digest, size, ..) => {
                Self::Stated(kind, digest, size, None, Embedded::Nothing)
            }
            other => other,
        }
    }
}

impl Fleet<'_> {
    /// Verifies all images that the tags lead to, each once, as many at once as there are connections. Hands on a
    /// refusal or an error of one image, and continues. An error is about all: the registry does not list the tags, or
    /// there is no image at all.
    pub(super) fn run(&self, judge: Judge<'_>, found: &mut Counted<'_, '_>) -> Result<(), Error> {
        let store = self.at.store().keeping(KEPT);
        let listed = store.tags()?;
        if listed.passed_over > 0 {
            found.take(Found::Unnameable(listed.passed_over));
        }
        let reader = Reader::new(&store, self.limits).opening(self.decryption);
        let work = Work {
            tags: listed.tags.into_iter(),
            images: VecDeque::new(),
            opening: 0,
            unreached: 0,
            met: false,
            is_over: false,
        };
        let run = Run {
            fleet: self,
            judge,
            reader,
            seen: Seen::default(),
            work: Mutex::new(work),
            changed: Condvar::new(),
            found: Mutex::new(found),
        };
        let threads = if judge.config_only {
            AT_ONCE
        } else {
            // The layers of an image are read several at once too, one a processor.
            let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
            (AT_ONCE / processors).max(2)
        };
        parallel::map_on(threads, &[(); AT_ONCE][..threads], |_, ()| run.work());
        run.end()
    }
}

/// A run through all tags of a repository.
struct Run<'a, 'b, 'c, 'd> {
    fleet: &'a Fleet<'a>,
    judge: Judge<'a>,
    reader: Reader<'a>,
    seen: Seen,
    work: Mutex<Work>,
    changed: Condvar,
    found: Mutex<&'d mut Counted<'b, 'c>>,
}

impl<'b, 'c, 'd> Run<'_, 'b, 'c, 'd> {
    fn state(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works until no task is left.
    fn work(&self) {
        while let Some(job) = self.next() {
            match job {
                Job::Tag(tag) => {
                    let _opening = Opening(self);
                    if let Err(error) = self.open(&tag) {
                        self.failed(tag.as_str(), error.into());
                    }
                }
                Job::Image(selected) => self.look(&selected),
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut work = self.state();
        loop {
            if work.is_over {
                return None;
            }
            if let Some(image) = work.images.pop_front() {
                return Some(Job::Image(image));
            }
            if let Some(tag) = work.tags.next() {
                work.opening += 1;
                return Some(Job::Tag(tag));
            }
            if work.opening == 0 {
                return None;
            }
            let woken = self.changed.wait(work);
            work = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Asks where a tag leads, and notes the images.
    fn open(&self, tag: &Tag) -> Result<(), store::Error> {
        let reference = Reference::Tag(tag.to_string());
        let entries = self.reader.store().find(&reference)?;
        let Some(top) = entries.first() else {
            self.state().unreached = 0;
            self.take(Found::Gone((self.fleet.name)(tag.as_str())));
            return Ok(());
        };
        let digest = top.digest;
        let is_index = media::is_index(&top.media_type);
        if is_index && self.seen.has(&Met::Opened(digest)) {
            return Ok(());
        }
        let (images, ignored) = self.reader.all_images_of(entries)?;
        for one in ignored {
            if self.seen.add(&Met::Ignored(one.digest)) {
                self.take(Found::Ignored(one));
            }
        }
        self.note(images);
        if is_index {
            self.seen.add(&Met::Opened(digest));
        }
        Ok(())
    }

    /// Notes the images that are to be looked at: those of this shard of which something new is stated.
    fn note(&self, images: Vec<Selected>) {
        let mut new = VecDeque::new();
        let mut others = 0;
        let met = !images.is_empty();
        for selected in images {
            let descriptor = &*selected.descriptor;
            let digest = descriptor.digest;
            if self.fleet.shard.is_some_and(|shard| !shard.holds(&digest)) {
                others += usize::from(self.seen.add(&Met::InOtherShard(digest)));
                continue;
            }
            let is_new = self.seen.add(&Met::stated(descriptor));
            self.seen.add(&Met::bare(descriptor));
            if is_new {
                new.push_back(selected);
            }
        }
        if others > 0 {
            self.found().totals.in_other_shards += others;
        }
        let mut work = self.state();
        work.met |= met;
        work.unreached = 0;
        work.images.append(&mut new);
    }

    /// Looks at an image, or, if the run did that already, only at the entry's statements about it.
    fn look(&self, selected: &Selected) {
        let digest = selected.descriptor.digest;
        let report = if self.seen.add(&Met::Image(digest)) {
            self.judge.report(&self.reader, selected).map(Some)
        } else {
            self.judge.against(&self.reader, selected)
        };
        match report {
            Ok(report) => {
                self.state().unreached = 0;
                if let Some(report) = report {
                    let subject = (self.fleet.name)(&report.subject);
                    let report = Report { subject, ..report };
                    self.take(Found::Verdict(report.decide()));
                }
            }
            Err(error) => self.failed(&selected.name, error),
        }
    }

    /// Hands on why an image or a tag has no verdict. After too many failed requests, the run asks for nothing more.
    fn failed(&self, name: &str, error: Error) {
        let mut work = self.state();
        work.met = true;
        if is_unreached(&error) {
            work.unreached += 1;
            work.is_over |= work.unreached >= MOST_UNREACHED;
        } else {
            work.unreached = 0;
        }
        if work.is_over {
            self.changed.notify_all();
        }
        drop(work);
        let reference = (self.fleet.name)(name);
        self.take(Found::Failed { reference, error });
    }

    /// Hands something on.
    fn take(&self, one: Found) {
        let mut found = self.found();
        found.take(one);
        if found.is_over {
            drop(found);
            self.state().is_over = true;
            self.changed.notify_all();
        }
    }

    fn found(&self) -> MutexGuard<'_, &'d mut Counted<'b, 'c>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports that the run met nothing at all, or how many images and tags it did not look at.
    fn end(self) -> Result<(), Error> {
        let place = self.reader.place().clone();
        let found = self.found.into_inner();
        let found = found.unwrap_or_else(PoisonError::into_inner);
        let work = self.work.into_inner();
        let work = work.unwrap_or_else(PoisonError::into_inner);
        let left = work.tags.len() + work.images.len();
        if left > 0 && !found.is_over {
            found.totals.not_looked_at += left;
            let most = MOST_UNREACHED;
            found.take(Found::GaveUp(Error::Unreached { place, most, left }));
        } else if !work.met && !found.is_over {
            // A run that finds nothing to verify must not look like a success.
            let none = Kind::NotOneImage {
                found: 0,
                present: Vec::new(),
            };
            return Err(store::Error { place, kind: none }.into());
        }
        Ok(())
    }
}

/// Counts a tag as being opened, until it is dropped.
struct Opening<'r, 'a, 'b, 'c, 'd>(&'r Run<'a, 'b, 'c, 'd>);

impl Drop for Opening<'_, '_, '_, '_, '_> {
    fn drop(&mut self) {
        self.0.state().opening -= 1;
        self.0.changed.notify_all();
    }
}

/// Whether the request to the registry itself failed.
fn is_unreached(error: &Error) -> bool {
    match error {
        Error::Store(store::Error {
            kind: Kind::Registry { problem, .. },
            ..
        }) => is_of_all(problem),
        _ => false,
    }
}
