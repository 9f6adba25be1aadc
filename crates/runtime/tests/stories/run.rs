//! Starting something, and how it ends.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use runtime::{CAPABILITIES, Error, Failure, Identity, Mount, Network, RunOptions, Start};
use tokio::io::AsyncWriteExt;

use crate::lab::{end, shell, stories};

fn command(parts: &[&str]) -> RunOptions {
    RunOptions {
        command: parts.iter().map(|&part| part.to_owned()).collect(),
        ..RunOptions::default()
    }
}

stories! {
    async fn a_command_runs_and_its_code_comes_back(lab: Lab) {
        let outcome = lab.shell("echo out; echo err >&2; exit 5").await;
        assert_eq!((outcome.code, outcome.output.as_str(), outcome.errors.as_str()), (5, "out\n", "err\n"));
        let outcome = lab.shell("sh -c 'kill -9 $$'; exit $?").await;
        assert_eq!(outcome.code, 128 + 9, "the shell passes it on: {outcome:?}");
        let running = lab.start(&command(&["/bin/sleep", "1000"])).await.expect("starts");
        running.control().signal(9).await.expect("is there");
        assert_eq!(end(running).await.code, 128 + 9);
    }

    async fn what_cannot_be_started_says_why(lab: Lab) {
        fs::write(lab.root.join("etc/plain"), "text").expect("a file");
        for (program, code) in [("nowhere", 127), ("/bin/nowhere", 127), ("/etc/plain", 126), ("/etc", 126)] {
            let error = lab.run(&command(&[program])).await.expect_err("it does not start");
            assert_eq!(error.exit_code(), code, "{program}: {error}");
            assert!(error.to_string().contains(program), "{error}");
        }
        let unknown = |user: &str| RunOptions { user: Some(user.to_owned()), ..command(&["true"]) };
        let error = lab.run(&unknown("eve")).await.expect_err("there is no eve");
        assert!(matches!(error, Error::Failure(Failure::UnknownUser { user }) if user == "eve"));
        let error = lab.run(&unknown("web:none")).await.expect_err("there is no such group");
        assert!(matches!(error, Error::Failure(Failure::UnknownGroup { group }) if group == "none"));
        let outcome = lab.shell("true").await;
        assert_eq!(outcome.code, 0, "the folder is as it was");
    }

    async fn without_a_runtime_nothing_starts(lab: Lab) {
        let mut programs = lab.runtime.programs().clone();
        programs.runtime = "/nowhere/crun".into();
        let runtime = lab.runtime.clone().with_programs(programs);
        let error = Box::pin(runtime.start(lab.start_of(&shell("true")))).await.err().expect("it is not there");
        assert_eq!(error.exit_code(), 125, "{error}");
        let gone = Start { lower: vec![lab.folder.path().join("gone")], ..lab.start_of(&shell("true")) };
        let error = Box::pin(lab.runtime.start(gone)).await.err().expect("the image is not there");
        assert!(error.to_string().contains("image's files"), "{error}");
        assert_eq!(lab.shell("echo fine").await.output, "fine\n");
    }

    async fn a_user_without_ranges_is_root_and_nobody_else(lab: Lab) {
        if lab.is_root() {
            return assert_eq!(lab.shell("chown 33:33 /tmp").await.code, 0, "root has all numbers");
        }
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let runtime = lab.runtime.clone().with_identity(Identity::Single { uid, gid });
        let running = Box::pin(runtime.start(lab.start_of(&shell("id -u; echo x > /x; rm /etc/group; chown 33 /x || echo refused")))).await;
        let outcome = end(running.expect("starts")).await;
        assert_eq!(outcome.output, "0\nrefused\n", "{outcome:?}");
        let web = RunOptions { user: Some("web".to_owned()), ..shell("true") };
        let error = Box::pin(runtime.start(lab.start_of(&web))).await.err().expect("there is no 33");
        assert!(matches!(error, Error::Failure(Failure::Unmapped { id: 33 })), "{error}");
    }

    async fn users_are_those_of_the_image(lab: Lab) {
        let who = |user: &str| RunOptions { user: Some(user.to_owned()), ..shell("id -u; id -g; id -G; echo $HOME") };
        let outcome = lab.run(&who("web")).await.expect("starts");
        assert_eq!(outcome.output, "33\n33\n33 50\n/home/web\n");
        let outcome = lab.run(&who("4711:50")).await.expect("starts");
        assert_eq!(outcome.output, "4711\n50\n50\n/\n");
    }

    async fn a_list_of_users_that_is_a_link_is_found_inside(lab: Lab) {
        fs::rename(lab.root.join("etc/passwd"), lab.root.join("etc/real")).expect("a name");
        for target in ["/etc/real", "../../../../../../etc/real"] {
            let _ = fs::remove_file(lab.root.join("etc/passwd"));
            symlink(target, lab.root.join("etc/passwd")).expect("a link");
            let options = RunOptions { user: Some("web".to_owned()), ..shell("id -u") };
            assert_eq!(lab.run(&options).await.expect("starts").output, "33\n");
        }
        fs::remove_file(lab.root.join("etc/passwd")).expect("a name");
        symlink("/proc/self/environ", lab.root.join("etc/passwd")).expect("a link");
        let options = RunOptions { user: Some("web".to_owned()), ..shell("id -u") };
        assert!(lab.run(&options).await.is_err(), "there are no users");
    }

    async fn a_container_may_do_what_dockers_may(lab: Lab) {
        let outcome = lab.shell("grep -E '^(CapEff|CapPrm|CapBnd|CapInh|Seccomp):' /proc/self/status | tr -d ' \\t'").await;
        let set = "00000000a80425fb";
        assert_eq!(outcome.output, format!("CapInh:0000000000000000\nCapPrm:{set}\nCapEff:{set}\nCapBnd:{set}\nSeccomp:2\n"));
        assert_eq!(CAPABILITIES.len(), 14);
        let user = RunOptions { user: Some("web".to_owned()), ..shell("grep CapEff /proc/self/status | tr -d '\\t'") };
        assert_eq!(lab.run(&user).await.expect("starts").output, "CapEff:0000000000000000\n");
    }

    async fn this_computers_devices_are_out_of_reach(lab: Lab) {
        let outcome = lab.shell("mknod /dev/disk b 254 0 || mknod /disk b 254 0; mknod /dev/mem c 1 1; ls /dev/disk /disk /dev/mem; mkfifo /tmp/f && echo fifo").await;
        assert_eq!(outcome.output, "fifo\n", "{outcome:?}");
        if lab.is_root() {
            let made = std::process::Command::new("mknod").arg(lab.root.join("null")).args(["c", "1", "3"]).status();
            assert!(made.expect("mknod runs").success());
            let outcome = lab.shell("mknod /dev/null2 c 1 3 && echo x > /dev/null2 && echo made; cat < /null || echo nodev").await;
            assert_eq!(outcome.output, "made\nnodev\n", "{outcome:?}");
        }
        let outcome = lab.shell("echo x > /proc/sys/kernel/hostname; echo x > /sys/kernel/mm/x; cat /proc/timer_list | wc -c; ls -A /sys/firmware").await;
        assert_eq!(outcome.output, "0\n", "{outcome:?}");
        assert_eq!(outcome.errors.matches("Read-only file system").count(), 2, "{outcome:?}");
    }

    async fn input_goes_in_and_ends(lab: Lab) {
        let options = RunOptions { stdin: true, ..shell("sort; echo done") };
        let mut running = lab.start(&options).await.expect("starts");
        let mut input = running.input.take().expect("was asked for");
        let lines: String = (0..50_000).rev().map(|number| format!("{number:05}\n")).collect();
        let writing = tokio::spawn(async move { input.write_all(lines.as_bytes()).await });
        let outcome = end(running).await;
        writing.await.expect("no panic").expect("all was taken");
        assert_eq!(outcome.output.lines().count(), 50_001);
        assert!(outcome.output.starts_with("00000\n00001\n") && outcome.output.ends_with("49999\ndone\n"));
        let outcome = lab.shell("cat; echo empty").await;
        assert_eq!(outcome.output, "empty\n", "without input there is nothing to read");
    }

    async fn much_output_arrives_whole(lab: Lab) {
        let outcome = lab.shell("seq 1 300000; seq 1 300000 >&2").await;
        let lines = (1..=300_000).map(|number| format!("{number}\n")).collect::<String>();
        assert!(outcome.output == lines && outcome.errors == lines, "{} {}", outcome.output.len(), outcome.errors.len());
    }

    async fn surroundings_are_as_the_options_say(lab: Lab) {
        let options = RunOptions {
            hostname: Some("my-host".to_owned()),
            environment: vec!["A=b c".to_owned()],
            folder: Some("/made/here".to_owned()),
            ..shell("hostname; echo $A $HOSTNAME; pwd; cat /etc/hostname; grep my-host /etc/hosts | wc -l; test -s /etc/resolv.conf || echo empty; ls /sys/class/net")
        };
        let outcome = lab.run(&options).await.expect("starts");
        let lines: Vec<&str> = outcome.output.lines().filter(|line| *line != "empty").collect();
        assert_eq!(lines, ["my-host", "b c my-host", "/made/here", "my-host", "1", "lo"]);
        let read_only = RunOptions { read_only: true, mounts: vec![Mount::memory("/tmp").expect("one")], ..shell("echo x > /tmp/x && cat /tmp/x; echo x > /x") };
        let outcome = lab.run(&read_only).await.expect("starts");
        assert_eq!((outcome.code, outcome.output.as_str()), (1, "x\n"));
        assert!(outcome.errors.contains("Read-only file system"));
    }

    async fn the_hosts_network_is_the_hosts(lab: Lab) {
        let options = RunOptions { network: Network::Host, ..shell("readlink /proc/self/ns/net") };
        let outcome = lab.run(&options).await.expect("starts");
        let own = fs::read_link("/proc/self/ns/net").expect("a link");
        assert_eq!(outcome.output.trim(), own.to_string_lossy());
    }

    async fn folders_of_this_computer_and_volumes(lab: Lab) {
        let shared = lab.folder.path().join("sha,red");
        fs::create_dir(&shared).expect("a folder");
        fs::write(shared.join("file"), "here").expect("a file");
        fs::create_dir(lab.root.join("data")).expect("a folder");
        fs::write(lab.root.join("data/seed"), "seed").expect("a file");
        let bind = |text: String| Mount::parse(&text).expect("it is one");
        let path = shared.display();
        let options = RunOptions {
            mounts: vec![
                bind(format!("{path}:/a")),
                bind(format!("{path}/file:/b:ro")),
                bind("kept:/data".to_owned()),
                bind("/data/inner".to_owned()),
            ],
            ..shell("cat /a/file /b /data/seed; echo; echo new > /a/new; echo x > /b; echo more > /data/more; ls /data")
        };
        let outcome = lab.run(&options).await.expect("starts");
        assert_eq!(outcome.output, "herehereseed\ninner\nmore\nseed\n");
        assert!(outcome.errors.contains("Read-only"), "{outcome:?}");
        assert_eq!(fs::read_to_string(shared.join("new")).expect("was written"), "new\n");
        let again = RunOptions { mounts: vec![bind("kept:/elsewhere".to_owned())], ..shell("cat /elsewhere/more") };
        assert_eq!(lab.run(&again).await.expect("starts").output, "more\n", "it outlives containers");
    }

    async fn a_container_is_started_again_with_what_it_wrote(lab: Lab) {
        assert_eq!(lab.shell("echo kept > /note; rm /etc/group; rm -r /home; mkdir /home").await.code, 0);
        let outcome = lab.shell("cat /note; ls /etc/group; ls -A /home").await;
        assert_eq!(outcome.output, "kept\n");
        assert!(lab.root.join("etc/group").exists(), "the image is as it was");
        let mode = fs::metadata(lab.root.join("tmp")).expect("is there").permissions().mode();
        assert_eq!(lab.shell("stat -c %a /tmp").await.output, format!("{:o}\n", mode & 0o7777));
    }
}
