//! How a container is started, as the line of `docker run` that does the same.

use runtime::{Network, RunOptions};

use super::run_text::RunText;
use super::shell_words;

/// Writes the `docker run` that does the same, quoted for a shell. A private network is docker's own, which it has unless told
/// otherwise.
#[must_use]
pub fn docker_run(image: &str, name: Option<&str>, options: &RunOptions, remove: bool) -> String {
    let text = RunText::of(options);
    let mut words: Vec<String> = vec!["docker".into(), "run".into()];
    let mut flag = |flag: &str, values: &[String]| {
        for value in values.iter().filter(|value| !value.is_empty()) {
            words.extend([flag.to_owned(), value.clone()]);
        }
    };
    let switches = [
        (remove, "--rm"),
        (options.terminal && options.stdin, "-it"),
        (options.terminal && !options.stdin, "-t"),
        (!options.terminal && options.stdin, "-i"),
        (options.read_only, "--read-only"),
    ];
    let network = match options.network {
        Network::None => "none",
        Network::Host => "host",
        Network::Private => "",
    };
    flag("--name", &[name.unwrap_or_default().to_owned()]);
    flag("--hostname", &[text.hostname]);
    flag("--network", &[network.to_owned()]);
    flag("-p", &text.ports);
    flag("-e", &options.environment);
    flag("-v", &text.mounts);
    flag("--tmpfs", &text.memory);
    flag("-u", &[text.user]);
    flag("-w", &[text.folder]);
    flag("-m", &[text.memory_limit]);
    flag("--cpus", &[text.cpus]);
    flag("--pids-limit", &[text.processes]);
    if options.no_new_privileges {
        flag("--security-opt", &["no-new-privileges".to_owned()]);
    }
    let set = switches.iter().filter(|(is_set, _)| *is_set);
    words.splice(2..2, set.map(|(_, switch)| (*switch).to_owned()));
    let mut arguments = options.command.clone();
    if let Some((program, more)) = options.entrypoint.as_deref().and_then(<[_]>::split_first) {
        words.extend(["--entrypoint".to_owned(), program.clone()]);
        // docker's flag takes the program alone; what it is given comes behind the image.
        arguments.splice(0..0, more.iter().cloned());
    }
    words.push(image.to_owned());
    words.extend(arguments);
    shell_words::join(words.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::containers::run_text::tests::full;

    #[test]
    fn the_same_for_docker() {
        let full = full().parse(&|_| None).expect("it can be");
        assert_eq!(
            docker_run("data:v2", Some("keen-otter"), &full, true),
            "docker run --rm -it --read-only --name keen-otter --hostname otter -p 127.0.0.1:8080-8082:80-82 \
             -p '[::1]:53:53/udp' -p 9000:9000 -e 'A=it'\\''s' -e B= -e 'C=two\nlines' -e 'D= x' -v '/srv/my data:/data:ro' -v cache:/var/cache -v /own \
             --tmpfs /tmp --tmpfs /run:ro -u web:web -w /srv -m 512m --cpus 1.5 --pids-limit 100 --entrypoint /entry data:v2 --fast sh -c 'echo $HOME; exit 3'"
        );
        let plain = RunOptions {
            network: Network::Private,
            ..RunOptions::default()
        };
        assert_eq!(
            docker_run("debian:12", None, &plain, false),
            "docker run debian:12"
        );
        let none = RunOptions {
            entrypoint: Some(vec![String::new()]),
            command: vec!["sh".to_owned()],
            ..RunOptions::default()
        };
        assert_eq!(
            docker_run("data", None, &none, false),
            "docker run --network none --entrypoint '' data sh"
        );
    }
}
