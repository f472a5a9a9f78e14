//! The work on which the program spends its time, inside one process: hashing, signing, verifying, unpacking.

use std::hint::black_box;
use std::io::{Read, Write};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ir_sign::crypto::P384Key;
use ir_sign::crypto::p384::ALGORITHM;
use ir_sign::crypto::p384::signature_from_der;
use ir_sign::crypto::{Digest, HashAlgorithm, Prehash, Signed, StreamHasher};
use ir_sign::key::Signer;
use ir_sign::key::file::FileKey;

const MIB: usize = 1 << 20;

fn hashing(c: &mut Criterion) {
    let bytes = vec![0x5a; 16 * MIB];
    let mut group = c.benchmark_group("hash 16 MiB");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.sample_size(20);
    for algorithm in HashAlgorithm::ALL {
        group.bench_function(algorithm.name(), |b| {
            b.iter(|| Digest::of(algorithm, black_box(&bytes)));
        });
    }
    group.bench_function("sha384, beside reading", |b| {
        b.iter(|| {
            let mut stream = StreamHasher::new(HashAlgorithm::Sha384);
            let mut input = black_box(&bytes[..]);
            while stream
                .update_with(|buffer| input.read(buffer))
                .is_ok_and(|n| n > 0)
            {}
            stream.digest()
        });
    });
    group.finish();
}

fn keys(c: &mut Criterion) {
    let key = FileKey::generate();
    let spki = key.public_key().to_spki();
    let prehash = Prehash::sha384(b"config");
    let signature = key
        .sign(ALGORITHM, Signed::Hashed(&prehash))
        .expect("a key file signs");
    let der = signature.to_bytes();
    let mut group = c.benchmark_group("p384");
    group.bench_function("sign", |b| {
        b.iter(|| key.sign(ALGORITHM, Signed::Hashed(black_box(&prehash))));
    });
    // Two in turns: what was verified last is not verified again.
    let other_prehash = Prehash::sha384(b"other");
    let other = key
        .sign(ALGORITHM, Signed::Hashed(&other_prehash))
        .expect("a key file signs");
    let mut first = true;
    group.bench_function("verify", |b| {
        b.iter(|| {
            first = !first;
            let (prehash, signature) = if first {
                (&prehash, &signature)
            } else {
                (&other_prehash, &other)
            };
            key.public_key()
                .verifies(black_box(prehash), black_box(signature))
        });
    });
    group.bench_function("read a public key", |b| {
        b.iter(|| P384Key::from_spki(black_box(&spki)));
    });
    group.bench_function("read a signature", |b| {
        b.iter(|| signature_from_der(black_box(&der)));
    });
    group.finish();
}

fn unpacking(c: &mut Criterion) {
    // Numbers in decimal pack about as well as an image's files do.
    let mut unpacked = Vec::new();
    for n in 0..MIB as u64 {
        write!(unpacked, "{} ", n.wrapping_mul(0x9e37_79b9)).expect("a vector takes all");
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    gzip.write_all(&unpacked).expect("a vector takes all");
    let packed = gzip.finish().expect("a vector takes all");
    let mut buffer = vec![0; MIB];
    let mut group = c.benchmark_group("unpack");
    group.throughput(Throughput::Bytes(unpacked.len() as u64));
    group.sample_size(20);
    group.bench_function("gzip", |b| {
        b.iter(|| {
            let mut decoder = flate2::bufread::MultiGzDecoder::new(black_box(&packed[..]));
            while decoder.read(&mut buffer).is_ok_and(|n| n > 0) {}
        });
    });
    group.finish();
}

criterion_group!(parts, hashing, keys, unpacking);
criterion_main!(parts);
