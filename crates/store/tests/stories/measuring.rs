//! How long it takes over many images.

use oci::Selector;

use crate::lab::{name, now, open, put};

/// Reports how long lists and moves take over many images; nothing here depends on the time.
#[test]
#[ignore = "a measurement: run with --release -- --ignored --nocapture"]
fn ten_thousand_images() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut report = String::new();
    let mut made = 0;
    for count in [10, 10_000] {
        while made < count {
            put(
                &store,
                &["base", &format!("layer {made}")],
                &[&format!("app/a{made}:1")],
            );
            made += 1;
        }
        let start = std::time::Instant::now();
        assert_eq!(store.images().unwrap().len(), count);
        let list = start.elapsed();
        let start = std::time::Instant::now();
        for round in 0..20 {
            let source = format!("app/a{}:1", round % 10);
            let planned = store
                .plan_tag(&Selector::from(source.as_str()), &name("moving:1"))
                .unwrap();
            store.tag(&planned, now()).unwrap();
        }
        report += &format!(
            "{count} images: list {list:?}, tag {:?}\n",
            start.elapsed() / 20
        );
    }
    std::io::Write::write_all(&mut std::io::stderr(), report.as_bytes()).unwrap();
}
