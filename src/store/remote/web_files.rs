//! Files on the web that no registry serves, as the signatures of a lookaside: got without credentials.

use ureq::http::Method;
use ureq::http::header::LOCATION;

use super::environment::Options;
use super::error::Problem;
use super::redirect::{self, MOST};
use super::retry::retry;
use super::url::Url;
use super::wire::{Answer, Payload, Wire};
use crate::store::error::{Error, Kind};
use crate::store::place::Place;

/// Gets files from one host.
#[derive(Debug)]
pub struct WebFiles {
    wire: Wire,
}

impl WebFiles {
    /// A client of the host in this address.
    pub fn at(address: &str, options: &Options) -> Result<Self, Error> {
        let url = Url::parse(address).ok_or_else(|| error(address, Problem::Address))?;
        let host = url.origin.authority().parse();
        let host = host.map_err(|_| error(address, Problem::Address))?;
        Ok(Self {
            wire: Wire::new(&host, options),
        })
    }

    /// Gets a file of at most `most` bytes; `None` if the answer is 404. Follows up to ten redirects, and none from TLS
    /// to an address without it. Any other answer than 200 is an error.
    pub fn get(&self, address: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        let url = Url::parse(address).ok_or_else(|| error(address, Problem::Address))?;
        let got = || {
            let mut answer = retry(&self.wire.options, address, || self.followed(&url))?;
            match answer.status {
                200 => answer.bytes(most).map(Some),
                404 => Ok(None),
                status => Err(Problem::Status {
                    status,
                    words: String::new(),
                }),
            }
        };
        got().map_err(|problem| error(&url.to_string(), problem))
    }

    fn followed(&self, url: &Url) -> Result<Answer, Problem> {
        let mut url = url.clone();
        let mut seen = vec![url.clone()];
        loop {
            let answer = self.wire.send(&Method::GET, &url, &[], Payload::Nothing)?;
            if !redirect::is_redirect(answer.status) {
                return Ok(answer);
            }
            url = redirect::target(&answer, answer.header(&LOCATION))?;
            if seen.contains(&url) {
                return Err(Problem::Redirect("in a circle"));
            }
            if seen.len() > MOST {
                return Err(Problem::Redirect("more than ten times"));
            }
            seen.push(url.clone());
        }
    }
}

fn error(address: &str, problem: Problem) -> Error {
    let about = None;
    let kind = Kind::Registry { about, problem };
    kind.at(Place::Repository(address.to_owned()))
}
