//! Names of images wherever they live: a printed name reads back as the same, and the parts of a name in a registry
//! need no escaping in a URL and lead nowhere else there.

use ir_sign::image::{Host, ImageName, Repository, Tag};

pub fn run(bytes: &[u8]) {
    let text = super::text(bytes);
    let Ok(name) = text.parse::<ImageName>() else {
        return;
    };
    let printed = name.to_string();
    assert_eq!(printed.parse().as_ref(), Ok(&name), "printed as {printed}");
    let ImageName::Docker {
        host,
        repository,
        tag,
        digest,
    } = name
    else {
        return;
    };
    // A name without a host means Docker Hub, and says so.
    assert!(
        text.contains(host.name())
            || text.starts_with("docker://")
            || text.contains("index.")
            || text.chars().any(char::is_uppercase)
    );
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.chars().all(plain)
    };
    assert!(repository.as_str().split('/').all(is_part), "{repository}");
    assert!(
        host.as_str().chars().all(|c| plain(c) || "[]:".contains(c)),
        "{host}"
    );
    assert!(host.port() != Some(0));
    assert!(host.as_str().len() + 1 + repository.as_str().len() <= 255);
    assert_eq!(host.as_str().parse::<Host>().as_ref(), Ok(&host));
    assert_eq!(Repository::on(&host, repository.as_str()), Ok(repository));
    if let Some(tag) = tag {
        assert!(
            tag.as_str().len() <= 128 && !tag.as_str().contains(['/', ':', '@', '?', '#', '%'])
        );
        assert_eq!(tag.as_str().parse::<Tag>(), Ok(tag));
    }
    if let Some(digest) = digest {
        assert!(["sha256", "sha512"].contains(&digest.algorithm().to_string().as_str()));
    }
}
