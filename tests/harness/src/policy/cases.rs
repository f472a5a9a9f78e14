//! One question about a policy, and its answer.

use serde::Deserialize;

/// The answer that a real program gave, or that this project's rules give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Want {
    /// It lets the image in.
    Accept,
    /// It refuses the image.
    Reject,
    /// It refuses the file whole.
    Invalid,
    /// It cannot do its work.
    Unable,
    /// Nobody can tell.
    Undecided,
    /// It lets the image in, and should not.
    Lax,
    /// Any of these.
    Any,
}

/// One question.
#[expect(clippy::struct_excessive_bools, reason = "the cases have them")]
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub id: String,
    pub dialect: String,
    #[serde(default)]
    pub image: String,
    /// The folder below `rd`.
    #[serde(default, rename = "registries.d")]
    pub lookasides: String,
    /// The text of the policy.
    pub policy: Option<String>,
    /// Its bytes, where they are not text.
    pub policy_base64: Option<String>,
    /// Where it is instead.
    pub policy_at: Option<String>,
    #[serde(default)]
    pub flags: Vec<String>,
    pub want: Want,
    #[serde(default)]
    pub why: String,
    /// What skopeo 1.18 answers, if that is something else.
    pub skopeo118: Option<Want>,
    /// Whether to refuse is as good.
    #[serde(default)]
    pub stricter: bool,
    /// Whether a key or a place could not be used, so that the program may leave it undecided.
    #[serde(default)]
    pub soft: bool,
    /// Whether the program has to warn.
    #[serde(default)]
    pub warn: bool,
    /// Whether the image's host is behind a proxy.
    #[serde(default)]
    pub proxy: bool,
    /// Whether an agent is asked.
    #[serde(default)]
    pub grpc: bool,
    /// Another command than `policy check`.
    #[serde(default)]
    pub command: Vec<String>,
    /// The file that holds what the command prints; empty for nothing.
    pub stdout: Option<String>,
    /// The file that the command writes.
    pub outfile: Option<String>,
    /// The JSON that is in it.
    pub json: Option<String>,
}

impl Case {
    /// A question to skopeo, whose answer nobody has written down.
    pub fn to_skopeo(id: &str, image: &str, lookasides: &str, policy: &str) -> Self {
        Self {
            id: id.to_owned(),
            dialect: "containers".into(),
            image: image.to_owned(),
            lookasides: lookasides.to_owned(),
            policy: Some(policy.to_owned()),
            policy_base64: None,
            policy_at: None,
            // skopeo tries nothing twice here.
            flags: vec!["--retries".into(), "0".into()],
            want: Want::Any,
            why: String::new(),
            skopeo118: None,
            stricter: false,
            soft: false,
            warn: false,
            proxy: false,
            grpc: false,
            command: Vec::new(),
            stdout: None,
            outfile: None,
            json: None,
        }
    }

    /// Why a run does not answer as it has to, if so.
    pub fn complaint(&self, status: i32, stderr: &str) -> Option<String> {
        let warns = stderr.to_lowercase().contains("warning");
        let mut good: Vec<i32> = match self.want {
            Want::Accept => vec![0],
            Want::Reject => vec![1],
            Want::Lax if warns => vec![0, 1, 3],
            Want::Invalid | Want::Unable | Want::Lax => vec![1, 3],
            Want::Undecided => vec![3],
            Want::Any => vec![0, 1, 3],
        };
        if self.stricter {
            good.push(1);
        }
        if self.soft {
            good.push(3);
        }
        if self.want == Want::Unable && !self.command.is_empty() {
            good.push(2);
        }
        if !good.contains(&status) {
            return Some(format!(
                "exit {status} where {:?} wants {good:?}",
                self.want
            ));
        }
        if status != 0 && stderr.trim().is_empty() {
            return Some("it says no reason".into());
        }
        if self.want == Want::Invalid && !stderr.contains("policy") {
            return Some("the message does not speak of the policy".into());
        }
        if self.warn && status == 0 && !warns {
            return Some("it does not warn".into());
        }
        None
    }
}
