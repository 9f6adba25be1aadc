//! A container's life: terminal, more processes, stop, logs, and that nothing stays behind.

use std::time::{Duration, Instant};

use runtime::{
    Error, ExecOptions, Failure, LogReader, RunOptions, Running, Runtime, Start, Status, Stream,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::lab::{end, shell, stories};

/// How long anything may take. Far more than it takes, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads what a terminal shows until a text has come.
async fn until(running: &mut Running, text: &str) -> String {
    let output = running.output.as_mut().expect("a terminal");
    let mut shown = String::new();
    let mut buffer = [0; 4096];
    while !shown.contains(text) {
        let count = tokio::time::timeout(PATIENCE, output.read(&mut buffer)).await;
        let count = count
            .unwrap_or_else(|_| panic!("{text} did not come: {shown}"))
            .expect("it can be read");
        assert!(count > 0, "{text} did not come: {shown}");
        shown.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    shown
}

async fn type_in(running: &mut Running, text: &str) {
    running
        .input
        .as_mut()
        .expect("a terminal")
        .write_all(text.as_bytes())
        .await
        .expect("is taken");
}

fn exec(line: &str) -> ExecOptions {
    ExecOptions {
        arguments: ["/bin/sh", "-c", line].map(str::to_owned).to_vec(),
        ..ExecOptions::default()
    }
}

fn log(mut reader: LogReader) -> Vec<(Stream, String)> {
    let mut lines = Vec::new();
    while let Some(line) = reader.next_line().expect("reads") {
        lines.push((
            line.stream,
            String::from_utf8_lossy(&line.text).into_owned(),
        ));
    }
    lines
}

/// Returns the processes whose command line has a text in it.
fn processes(text: &str) -> Vec<String> {
    let all = std::fs::read_dir("/proc").expect("is mounted").flatten();
    all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(text))
        .collect()
}

/// Returns the states of these processes, as `ps` has them.
fn states(text: &str) -> Vec<char> {
    let all = std::fs::read_dir("/proc").expect("is mounted").flatten();
    all.filter(|entry| {
        std::fs::read(entry.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(text))
    })
    .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
    .filter_map(|stat| stat.rsplit_once(") ")?.1.chars().next())
    .collect()
}

/// Waits until something is so; the system needs a moment for it, and says nothing.
async fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

stories! {
    async fn a_terminal_has_a_size_and_job_control(lab: Lab) {
        let options = RunOptions { terminal: true, ..shell("PS1='$ ' exec sh -i") };
        let mut running = lab.start(&options).await.expect("starts");
        running.control().resize(33, 101);
        type_in(&mut running, "tty; stty size; echo $TERM\n").await;
        let shown = until(&mut running, "xterm").await;
        assert!(shown.contains("/dev/pts/0") && shown.contains("33 101"), "{shown}");
        let line = "sh -c 'trap \"echo ca\\\"\\\"ught; exit 9\" INT; echo be\"\"gun; while :; do sleep 1; done'; echo code $?\n";
        type_in(&mut running, line).await;
        until(&mut running, "begun").await;
        type_in(&mut running, "\u{3}").await;
        let shown = until(&mut running, "code 9").await;
        assert!(shown.contains("caught"), "{shown}");
        type_in(&mut running, "exit 5\n").await;
        assert_eq!(end(running).await.code, 5);
    }

    async fn more_processes_are_started_in_it(lab: Lab) {
        let folder = lab.container();
        let before = lab.runtime.exec(&folder, exec("true")).await;
        assert!(matches!(before.err(), Some(Error::Failure(Failure::NotRunning))));
        let options = RunOptions { environment: vec!["A=1".to_owned()], ..shell("echo x > /x; exec sleep 1000") };
        let running = lab.start(&options).await.expect("starts");
        for _ in 0..10 {
            let one = lab.runtime.exec(&folder, exec("cat /x; echo $A; echo $$ >&2; exit 7")).await.expect("starts");
            let outcome = end(one).await;
            assert_eq!((outcome.code, outcome.output.as_str()), (7, "x\n1\n"), "{outcome:?}");
            assert_ne!(outcome.errors, "1\n", "it is not the first process");
        }
        let web = ExecOptions { user: Some("web".to_owned()), folder: Some("/tmp".to_owned()), ..exec("id -un; pwd; grep -E 'CapBnd|Seccomp:' /proc/self/status | tr -d '\\t'") };
        let outcome = end(lab.runtime.exec(&folder, web).await.expect("starts")).await;
        assert_eq!(outcome.output, "web\n/tmp\nCapBnd:00000000a80425fb\nSeccomp:2\n");
        let missing = ExecOptions { arguments: vec!["nowhere".to_owned()], ..ExecOptions::default() };
        let error = lab.runtime.exec(&folder, missing).await.err().expect("is not there");
        assert_eq!(error.exit_code(), 127, "{error}");
        let mut terminal = lab.runtime.exec(&folder, ExecOptions { terminal: true, ..exec("tty; cat") }).await.expect("starts");
        until(&mut terminal, "/dev/pts/").await;
        type_in(&mut terminal, "\u{4}").await;
        assert_eq!(end(terminal).await.code, 0);
        running.control().signal(9).await.expect("is there");
        end(running).await;
    }

    async fn stop_asks_first(lab: Lab) {
        let folder = lab.container();
        lab.runtime.stop(&folder, Duration::ZERO).await.expect("there is nothing to stop");
        let polite = Start { detached: true, ..lab.start_of(&shell("trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.1; done")) };
        let mut running = Box::pin(lab.runtime.start(polite)).await.expect("starts");
        until(&mut running, "up").await;
        assert!(matches!(lab.runtime.status(&folder).expect("reads"), Status::Running { .. }));
        let again = lab.start(&shell("true")).await;
        assert!(matches!(again.err(), Some(Error::Failure(Failure::Running))));
        assert!(matches!(lab.runtime.remove(&folder).await, Err(Error::Failure(Failure::Running))));
        drop(running);
        lab.runtime.stop(&folder, PATIENCE).await.expect("stops");
        assert!(matches!(lab.runtime.status(&folder).expect("reads"), Status::Exited { code: Some(3), .. }));
        let lines = log(lab.runtime.logs(&folder).expect("reads"));
        assert_eq!(lines, [(Stream::Output, "up\n".to_owned()), (Stream::Output, "bye\n".to_owned())]);

        let deaf = Start { detached: true, ..lab.start_of(&shell("trap '' TERM; echo deaf; while :; do sleep 0.1; done")) };
        let mut running = Box::pin(lab.runtime.start(deaf)).await.expect("starts");
        until(&mut running, "deaf").await;
        drop(running);
        lab.runtime.stop(&folder, Duration::from_millis(300)).await.expect("stops");
        assert!(matches!(lab.runtime.status(&folder).expect("reads"), Status::Exited { code: Some(137), .. }));
        lab.runtime.remove(&folder).await.expect("goes");
        assert!(!folder.exists());
    }

    async fn a_log_keeps_the_last_of_it(lab: Lab) {
        lab.shell("echo one; printf two >&2; printf '\\377\\n'").await;
        let lines = log(lab.runtime.logs(&lab.container()).expect("reads"));
        assert!(lines.contains(&(Stream::Output, "one\n".to_owned())), "{lines:?}");
        assert!(lines.contains(&(Stream::Error, "two".to_owned())), "{lines:?}");
        let small = Start { log: Some(100_000), ..lab.start_of(&shell("seq 1 20000")) };
        end(Box::pin(lab.runtime.start(small)).await.expect("starts")).await;
        let lines = log(lab.runtime.logs(&lab.container()).expect("reads"));
        assert_eq!(lines.last().expect("some").1, "20000\n");
        let numbers: Vec<u32> = lines.iter().filter_map(|(_, text)| text.trim().parse().ok()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "no gap");
        assert!((500..5000).contains(&numbers.len()), "{}", numbers.len());
    }

    async fn it_goes_when_it_is_to_be_removed(lab: Lab) {
        let start = Start { remove: true, ..lab.start_of(&shell("mkdir -p /a/b/c; chmod 0 /a/b; touch /x; chown 33:33 /x; mkdir -m 500 /ro; exit 4")) };
        let outcome = end(Box::pin(lab.runtime.start(start)).await.expect("starts")).await;
        assert_eq!(outcome.code, 4, "{outcome:?}");
        assert!(!lab.container().exists());
    }

    async fn dropping_it_kills_it(lab: Lab) {
        let mark = format!("1000.{}", std::process::id());
        let running = lab.start(&shell(&format!("sleep {mark} & sleep {mark}; true"))).await.expect("starts");
        soon("the processes run", || processes(&mark).len() >= 3).await;
        drop(running);
        soon("all processes end", || processes(&mark).is_empty()).await;
        soon("the monitor ends", || !matches!(lab.runtime.status(&lab.container()), Ok(Status::Running { .. }))).await;
        assert_eq!(lab.shell("echo again").await.output, "again\n");
    }

    async fn a_killed_monitor_takes_the_container_along(lab: Lab) {
        let mark = format!("2000.{}", std::process::id());
        let mut running = lab.start(&shell(&format!("sleep {mark}; true"))).await.expect("starts");
        soon("the process runs", || processes(&mark).len() >= 2).await;
        let monitor = running.monitor().expect("it runs");
        let killed = std::process::Command::new("kill").args(["-9", &monitor.to_string()]).status();
        assert!(killed.expect("kill runs").success());
        assert!(matches!(running.wait().await, Err(Error::MonitorEnded { .. })));
        soon("all processes end", || processes(&mark).is_empty()).await;
        // Its socket is closed a moment before it is gone.
        soon("the monitor ends", || matches!(lab.runtime.status(&lab.container()), Ok(Status::Exited { code: None, .. }))).await;
        assert_eq!(lab.shell("echo again").await.output, "again\n");
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("is there");
        assert!(!mounts.contains(&*lab.folder.path().to_string_lossy()), "{mounts}");
    }

    async fn what_a_killed_monitor_left_is_ended_by_who_looks(lab: Lab) {
        let folder = lab.container();
        let mark = format!("5000.{}", std::process::id());
        let detached = Start { detached: true, ..lab.start_of(&shell(&format!("sleep {mark} & sleep {mark}; true"))) };
        let running = Box::pin(lab.runtime.start(detached)).await.expect("starts");
        soon("the processes run", || processes(&mark).len() >= 3).await;
        let monitor = running.monitor().expect("it runs");
        drop(running);
        Runtime::end_abandoned(&folder).expect("looks");
        assert!(processes(&mark).len() >= 3, "it has its monitor");
        let killed = std::process::Command::new("kill").args(["-9", &monitor.to_string()]).status();
        assert!(killed.expect("kill runs").success());
        soon("the monitor ends", || matches!(lab.runtime.status(&folder), Ok(Status::Exited { code: None, .. }))).await;
        assert!(!processes(&mark).is_empty(), "nobody ended it");
        Runtime::end_abandoned(&folder).expect("ends");
        soon("all processes end", || processes(&mark).is_empty()).await;
        Runtime::end_abandoned(&folder).expect("there is nothing to end");
        lab.runtime.remove(&folder).await.expect("goes");
    }

    async fn a_killed_program_takes_its_containers_along(lab: Lab) {
        if let Some(mark) = std::env::var_os("STRATA_TEST_VICTIM") {
            // This is the program that is killed.
            let mut running = lab.start(&shell(&format!("sleep {0} & sleep {0}; true", mark.to_string_lossy()))).await.expect("starts");
            running.wait().await.expect("nobody ends it");
        }
        let mark = format!("3000.{}", std::process::id());
        let test = std::env::current_exe().expect("its path");
        let mut victim = std::process::Command::new(test)
            .args(["--exact", "life::a_killed_program_takes_its_containers_along", "--nocapture"])
            .env("STRATA_TEST_VICTIM", &mark)
            // What it leaves goes with what is this story's.
            .env("TMPDIR", lab.folder.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("it starts again");
        soon("the processes run", || processes(&mark).len() >= 3).await;
        victim.kill().expect("is there");
        victim.wait().expect("is gone");
        soon("all processes end", || processes(&mark).is_empty()).await;
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("is there");
        assert!(!mounts.contains("/container/run"), "{mounts}");
    }

    async fn a_paused_container_writes_nothing(lab: Lab) {
        let folder = lab.container();
        assert!(matches!(lab.runtime.pause(&folder).err(), Some(Error::Failure(Failure::NotRunning))));
        let mark = format!("4000.{}", std::process::id());
        let line = format!("(while :; do echo x >> /a; done) & while :; do echo x >> /b; sh -c 'echo y >> /c; : {mark}'; done");
        let running = lab.start(&shell(&line)).await.expect("starts");
        let size = |name: &str| std::fs::metadata(folder.join("upper").join(name)).map_or(0, |found| found.len());
        soon("it writes", || size("a") > 100 && size("c") > 4).await;
        let paused = lab.runtime.pause(&folder).expect("stops");
        let sizes = || [size("a"), size("b"), size("c")];
        let before = sizes();
        let states = states(&mark);
        assert!(states.len() >= 2 && states.iter().all(|state| matches!(state, 'T' | 'Z')), "{states:?}");
        assert_eq!(sizes(), before);
        drop(paused);
        soon("it goes on", || sizes().iter().zip(before).all(|(now, before)| *now > before)).await;
        running.control().signal(9).await.expect("is there");
        end(running).await;
    }

    /// As Debian's shell for each command: who waits for such a child in the kernel does not stop before it is another program.
    async fn one_that_waits_for_what_its_child_becomes_is_paused_too(lab: Lab) {
        let folder = lab.container();
        let line = "yes begun | xargs -n 1 /bin/busybox echo";
        let mut running = lab.start(&RunOptions { terminal: true, ..shell(line) }).await.expect("starts");
        until(&mut running, "begun").await;
        let mut output = running.output.take().expect("a terminal");
        let shown = tokio::spawn(async move { tokio::io::copy(&mut output, &mut tokio::io::sink()).await });
        for _ in 0..10 {
            drop(lab.runtime.pause(&folder).expect("stops"));
        }
        running.control().signal(9).await.expect("is there");
        end(running).await;
        // The end of a terminal may be an error.
        drop(shown.await.expect("no panic"));
    }
}
