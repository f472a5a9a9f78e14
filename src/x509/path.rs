//! The way from a certificate to a root, found among certificates in any order.

use super::certificate::Certificate;

/// The most certificates of a way.
const LONGEST: usize = 16;
/// The most certificates that the search tries: others may give many of one name.
const MOST_TRIES: usize = 1000;

/// The certificates from this one to a root, each followed by one that issued it, by name and, if possible, by
/// signature. A path with a trusted certificate goes before others. If there is no path to a root, it ends at the last
/// known issuer.
pub fn build(
    leaf: &Certificate,
    pool: &[Certificate],
    trusted: &[Certificate],
) -> Vec<Certificate> {
    let mut search = Search {
        pool,
        trusted,
        tries: 0,
        best: None,
    };
    search.go(&mut vec![leaf]);
    let best = search.best.map(|(_, way)| way);
    best.unwrap_or_else(|| vec![leaf.clone()])
}

struct Search<'a> {
    pool: &'a [Certificate],
    trusted: &'a [Certificate],
    tries: usize,
    best: Option<(Worth, Vec<Certificate>)>,
}

/// How good a way is; the greatest is the best.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Worth {
    signed: bool,
    is_whole: bool,
    is_trusted: bool,
}

const PERFECT: Worth = Worth {
    signed: true,
    is_whole: true,
    is_trusted: true,
};

impl<'a> Search<'a> {
    /// Follows the last certificate of a way.
    fn go(&mut self, way: &mut Vec<&'a Certificate>) {
        self.tries += 1;
        let Some(last) = way.last().copied() else {
            return;
        };
        let is_root = last.is_self_issued() && last.is_signed_by(last.public_key());
        let pool = self.pool;
        let next = pool.iter().filter(|next| next.subject() == last.issuer());
        let next: Vec<_> = next.filter(|next| !way.contains(next)).collect();
        if is_root || next.is_empty() || way.len() == LONGEST {
            self.end(way, is_root);
            return;
        }
        let (signed, named): (Vec<_>, Vec<_>) = next
            .into_iter()
            .partition(|next| last.is_signed_by(next.public_key()));
        for next in signed.into_iter().chain(named) {
            if self.tries >= MOST_TRIES || self.best.as_ref().is_some_and(|b| b.0 == PERFECT) {
                return;
            }
            way.push(next);
            self.go(way);
            way.pop();
        }
    }

    fn end(&mut self, way: &[&Certificate], is_whole: bool) {
        let signed = way.windows(2).all(|pair| {
            let [one, next] = pair else { return true };
            one.is_signed_by(next.public_key())
        });
        let worth = Worth {
            signed,
            is_whole,
            is_trusted: way.iter().any(|one| self.trusted.contains(one)),
        };
        if self.best.as_ref().is_none_or(|(best, _)| *best < worth) {
            let way = way.iter().map(|one| (*one).clone());
            self.best = Some((worth, way.collect()));
        }
    }
}
