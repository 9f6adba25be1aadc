//! Databases that rpm itself and Berkeley DB's own library wrote, read as `rpm -qa` reads them.

use std::fmt::Write as _;
use std::fs;

use engine::{PackageManager, Selector};

use testkit::{ImageBuilder, Layer, Tool, Workshop};

use crate::lab::Lab;

/// Two packages of one source, the second with so many files that its header fills several pages of a database.
const SPEC: &str = "
Name: strata-small
Version: 1.2~rc1
Release: 3
Epoch: 4
Summary: Small
License: MIT
BuildArch: noarch
%description
Small.
%files
%package -n strata-large
Epoch: 0
Version: 5
Summary: Large
%description -n strata-large
Large.
%install
mkdir -p %{buildroot}/opt/large
for number in $(seq 1 400); do echo $number > %{buildroot}/opt/large/a-file-of-the-large-package-$number; done
%files -n strata-large
/opt/large
";

/// Makes a database with both packages, in rpm's usual kind, SQLite.
fn database(workshop: &Workshop) -> Vec<u8> {
    fs::write(workshop.path().join("strata.spec"), SPEC).unwrap();
    workshop.run(Tool::RpmBuild, &["-bb", "strata.spec"]);
    workshop.run(Tool::Rpm, &["--initdb"]);
    let folder = workshop.path().join("rpmbuild/RPMS/noarch");
    let packages: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect();
    let mut arguments = vec!["-i", "--justdb", "--nodeps", "--nosignature"];
    arguments.extend(packages.iter().map(String::as_str));
    workshop.run(Tool::Rpm, &arguments);
    fs::read(workshop.path().join("rpmdb/rpmdb.sqlite")).unwrap()
}

/// What `rpm -qa` says: names, versions with epoch and release, architectures.
fn told(workshop: &Workshop) -> Vec<String> {
    let format = "%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{ARCH}\n";
    let out = workshop.run(Tool::Rpm, &["-qa", "--qf", format]);
    let mut lines: Vec<String> = out.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Puts the same headers into a hash of Berkeley DB under the keys that rpm gives them, in the order of bytes of this machine.
fn as_berkeley_db(workshop: &Workshop, sqlite: &[u8], page: u32) -> Vec<u8> {
    let copy = workshop.path().join("copy.sqlite");
    fs::write(&copy, sqlite).unwrap();
    let connection = rusqlite::Connection::open(&copy).unwrap();
    let mut rows = connection
        .prepare("SELECT hnum, blob FROM Packages")
        .unwrap();
    let rows = rows.query_map([], |row| {
        Ok((row.get::<_, u32>(0)?, row.get::<_, Vec<u8>>(1)?))
    });
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    };
    let mut dump =
        format!("VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize={page}\nHEADER=END\n");
    // The number of the last package, under the key 0.
    write!(dump, " 00000000\n {}\n", hex(&2_u32.to_ne_bytes())).unwrap();
    for row in rows.unwrap() {
        let (number, header) = row.unwrap();
        write!(dump, " {}\n {}\n", hex(&number.to_ne_bytes()), hex(&header)).unwrap();
    }
    dump.push_str("DATA=END\n");
    fs::write(workshop.path().join("dump"), dump).unwrap();
    let name = format!("Packages-{page}");
    workshop.run(Tool::DbLoad, &["-f", "dump", &name]);
    fs::read(workshop.path().join(name)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_are_those_that_rpm_lists() {
    let workshop = Workshop::new();
    let sqlite = database(&workshop);
    let told = told(&workshop);
    assert_eq!(told.len(), 2, "{told:?}");
    let lab = Lab::new().await;
    let mut databases = vec![("usr/lib/sysimage/rpm/rpmdb.sqlite", sqlite.clone())];
    for page in [512, 4096, 65536] {
        databases.push((
            "var/lib/rpm/Packages",
            as_berkeley_db(&workshop, &sqlite, page),
        ));
    }
    for (number, (path, bytes)) in databases.into_iter().enumerate() {
        let image = ImageBuilder::new()
            .layer(Layer::new().file(path, &bytes))
            .build();
        let reference = lab.registry.push(&format!("rpm:{number}"), &image);
        lab.pull(&reference).await.unwrap();
        let files = lab
            .engine
            .files(&Selector::from(&*reference.to_string()))
            .await
            .unwrap();
        let list = files.software().await.unwrap();
        assert_eq!(list.unreadable, Vec::<String>::new(), "{path}");
        assert_eq!(list.databases.len(), 1);
        let found: Vec<String> = list
            .packages
            .iter()
            .map(|package| {
                assert_eq!(package.manager, PackageManager::Rpm);
                let architecture = package.architecture.as_deref().unwrap_or_default();
                format!("{} {} {architecture}", package.name, package.version)
            })
            .collect();
        assert_eq!(found, told, "{path}, number {number}");
    }
}
