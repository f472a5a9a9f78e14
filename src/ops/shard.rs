//! A part of all images, by their digests: several machines share the work without talking to each other.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use crate::crypto::Digest;

/// The images whose digest, as a number, is I modulo N.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: NonZeroU32,
}

/// A text that names no shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// It is not two numbers.
    #[error("a shard is I/N, two whole numbers, as in 0/4")]
    Form,
    /// There are no parts.
    #[error("N is at least 1: 0/1 is all images")]
    None,
    /// The part is beyond the last.
    #[error("shards count from 0, so I is at most {last} here")]
    Beyond {
        /// The last part.
        last: u32,
    },
}

impl Shard {
    /// Whether an image of this digest is in the shard: the digest's hexadecimal digits are one number.
    pub fn holds(self, digest: &Digest) -> bool {
        let count = u64::from(self.count.get());
        let bytes = digest.as_bytes().iter();
        let rest = bytes.fold(0, |rest, byte| (rest * 256 + u64::from(*byte)) % count);
        rest == u64::from(self.index)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let number = is_number.then(|| text.parse::<u32>().ok()).flatten();
            number.ok_or(ShardError::Form)
        };
        let (index, count) = text.split_once('/').ok_or(ShardError::Form)?;
        let (index, count) = (number(index)?, number(count)?);
        let count = NonZeroU32::new(count).ok_or(ShardError::None)?;
        if index >= count.get() {
            let last = count.get() - 1;
            return Err(ShardError::Beyond { last });
        }
        Ok(Self { index, count })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::HashAlgorithm;

    #[test]
    fn a_shard_is_two_numbers_and_the_first_is_the_smaller() {
        for (text, wanted) in [
            ("0/1", None),
            ("3/4", None),
            ("0/4294967295", None),
            ("", Some(ShardError::Form)),
            ("1", Some(ShardError::Form)),
            ("/", Some(ShardError::Form)),
            ("1/", Some(ShardError::Form)),
            ("-1/4", Some(ShardError::Form)),
            ("+1/4", Some(ShardError::Form)),
            ("1/4/5", Some(ShardError::Form)),
            ("0/4294967296", Some(ShardError::Form)),
            ("0/0", Some(ShardError::None)),
            ("4/4", Some(ShardError::Beyond { last: 3 })),
        ] {
            assert_eq!(text.parse::<Shard>().err(), wanted, "{text}");
        }
    }

    #[test]
    fn a_digest_is_one_number_and_in_one_shard() {
        // The remainders are python's.
        let digest = "sha256:8a14a7541c60214d10143e10087625723ab7684dbbd97e0cacb70e3abf65f391";
        let digest: Digest = digest.parse().expect("a digest");
        for (count, index) in [(1, 0), (7, 3), (1000, 425)] {
            let holds = |n: u32| {
                let shard: Shard = format!("{n}/{count}").parse().expect("a shard");
                shard.holds(&digest)
            };
            assert!(holds(index), "{count}");
            assert_eq!((0..count).filter(|n| holds(*n)).count(), 1);
        }
        for algorithm in HashAlgorithm::ALL {
            for n in 0..50_u8 {
                let digest = Digest::of(algorithm, &[n]);
                let shards = (0..7).map(|n| format!("{n}/7").parse::<Shard>().expect("a shard"));
                assert_eq!(shards.filter(|shard| shard.holds(&digest)).count(), 1);
            }
        }
    }
}
