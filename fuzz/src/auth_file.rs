//! Files of credentials: the found credentials are in the file and for this host, and no error repeats a secret of the
//! file.

use ir_sign::image::{Host, Repository};
use ir_sign::store::remote::{Credentials, read_auth_file};

const HOST: &str = "r.example:5000";
const SECRET: &str = "9f8e7d6c5b";

pub fn run(bytes: &[u8]) {
    let host: Host = HOST.parse().expect("a host");
    let repository = Repository::on(&host, "team/app").expect("a repository");
    let text = String::from_utf8_lossy(bytes);
    match read_auth_file(bytes, &host, &repository) {
        Ok(None) => {}
        Ok(Some(found)) => {
            if let Credentials::Basic { user, .. } = &found {
                assert!(!user.contains(':') && !user.chars().any(char::is_control));
            }
            // Nobody else's: some key has this host, as it is or with escapes.
            let lower = text.to_ascii_lowercase();
            assert!(lower.contains("r.example:5000") || text.contains('\\'));
            assert!(
                !format!("{found:?}").contains(SECRET) || text.contains(&format!("\"{SECRET}\""))
            );
        }
        Err(error) => assert!(!error.to_string().contains(SECRET), "{error}"),
    }
}
