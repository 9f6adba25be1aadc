//! An image with everything that a layer can hold.

use testkit::{ImageBuilder, Layer, Packing};

/// A tar member with a PAX header before it.
pub(crate) fn member(kind: u8, mode: u32, records: &[(&str, &[u8])], content: &[u8]) -> Vec<u8> {
    let mut pax = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length += 1;
        }
        pax.extend_from_slice(format!("{length} {key}=").as_bytes());
        pax.extend_from_slice(value);
        pax.push(b'\n');
    }
    let part = |layer: Layer| {
        let mut tar = layer.tar();
        tar.truncate(tar.len() - 1024);
        tar
    };
    [
        part(Layer::new().entry("pax", b'x', 0o644, "", &pax)),
        part(Layer::new().entry("short", kind, mode, "", content)),
    ]
    .concat()
}

/// Everything that a layer can hold and umoci makes, too.
pub(crate) fn odd() -> ImageBuilder {
    ImageBuilder::new()
        .layer(
            Layer::new()
                .folder("names")
                .folder("bin")
                .folder("run")
                .folder("usr")
                .folder("usr/lib")
                .folder("gone")
                .file("gone/a", "1")
                .file("gone/b", "2")
                .folder("opaque")
                .file("opaque/below", "hidden")
                .file("was-file", "f")
                .folder("was-folder")
                .file("was-folder/inside", "x")
                .symlink("lib", "usr/lib")
                .symlink("abs", "/usr")
                .file("usr/lib/one", "one")
                .hardlink("usr/lib/two", "usr/lib/one")
                .file("again", "first")
                .file("again", "second"),
        )
        .layer(Layer::of_tar(odd_members()))
        .layer(
            Layer::new()
                .whiteout("gone")
                .file("lib/through", "link")
                .file("abs/absolute", "root")
                .file("opaque/above", "seen")
                .file("opaque/.wh..wh..opq", "")
                .folder("was-file")
                .file("was-file/now", "folder")
                .file("was-folder", "now a file")
                .hardlink("usr/three", "usr/lib/one")
                .whiteout("usr/lib/two")
                .whiteout("never/there")
                .packed(Packing::Plain),
        )
}

/// The tar of members that need a PAX header to be what they are.
fn odd_members() -> Vec<u8> {
    let long = format!("deep/{}", ["0123456789"; 25].join("/"));
    let long_link = "x".repeat(300);
    let capability: &[u8] =
        b"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    let mut tar = [
        member(
            b'0',
            0o644,
            &[("path", b"names/\xff\xfe-not-utf8")],
            b"bytes",
        ),
        member(
            b'0',
            0o600,
            &[
                ("path", long.as_bytes()),
                ("mtime", b"1234567890.123456789"),
            ],
            b"long",
        ),
        member(
            b'0',
            0o4755,
            &[("path", b"bin/su"), ("uid", b"0"), ("gid", b"12")],
            b"suid",
        ),
        member(b'5', 0o1777, &[("path", b"tmp/")], b""),
        member(
            b'0',
            0o755,
            &[
                ("path", b"bin/ping"),
                ("SCHILY.xattr.security.capability", capability),
            ],
            b"ping",
        ),
        member(
            b'0',
            0o644,
            &[("path", b"names/attr"), ("SCHILY.xattr.user.note", b"kept")],
            b"a",
        ),
        member(
            b'2',
            0o777,
            &[("path", b"names/far"), ("linkpath", long_link.as_bytes())],
            b"",
        ),
        member(
            b'6',
            0o620,
            &[("path", b"run/pipe"), ("mtime", b"-5.5")],
            b"",
        ),
        member(
            b'0',
            0o644,
            &[
                ("path", b"names/big-owner"),
                ("uid", b"3000000000"),
                ("gid", b"3000000001"),
            ],
            b"o",
        ),
        member(
            b'0',
            0o644,
            &[
                ("GNU.sparse.major", b"1"),
                ("GNU.sparse.minor", b"0"),
                ("GNU.sparse.name", b"names/holes"),
                ("GNU.sparse.realsize", b"1000000"),
            ],
            &[
                {
                    let mut map = b"2\n4096\n4\n900000\n3\n".to_vec();
                    map.resize(512, 0);
                    map
                },
                b"abcdefg".to_vec(),
            ]
            .concat(),
        ),
    ]
    .concat();
    tar.extend_from_slice(&[0; 1024]);
    tar
}
