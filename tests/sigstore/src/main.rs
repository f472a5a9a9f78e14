//! Verifies an image's signature under the tag `.sig` as sigstore-rs does: `sigstore-peer IMAGE PUBLIC-KEY-PEM SCHEME`.

use std::process::ExitCode;

use sigstore::cosign::verification_constraint::{PublicKeyVerifier, VerificationConstraintVec};
use sigstore::cosign::{ClientBuilder, CosignCapabilities, verify_constraints};
use sigstore::crypto::SigningScheme;
use sigstore::registry::{Auth, ClientConfig, ClientProtocol, OciReference};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [image, key, scheme] = &arguments[..] else {
        panic!("usage: sigstore-peer IMAGE PUBLIC-KEY-PEM SCHEME");
    };
    let scheme: SigningScheme = scheme.as_str().try_into().expect("a scheme");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if runtime.block_on(verify(image, key, &scheme)) {
        println!("verified");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn verify(image: &str, key: &str, scheme: &SigningScheme) -> bool {
    let config = ClientConfig {
        protocol: ClientProtocol::Http,
        ..ClientConfig::default()
    };
    let client = ClientBuilder::default().with_oci_client_config(config);
    let mut client = client.build().expect("a client");
    let image: OciReference = image.parse().expect("an image");
    let auth = Auth::Anonymous;
    let Ok(layers) = client.trusted_signature_layers(&auth, &image).await else {
        return false;
    };
    let pem = std::fs::read(key).expect("a public key");
    let verifier = PublicKeyVerifier::new(&pem, scheme).expect("a key of the scheme");
    let constraints: VerificationConstraintVec = vec![Box::new(verifier)];
    verify_constraints(&layers, constraints.iter()).is_ok()
}
