use serde_json::{Map, Value, json};

use super::{ChangeError, Changes};

fn applied(base: Value, changes: &[&str]) -> Result<Value, ChangeError> {
    let mut config: Map<String, Value> = match base {
        Value::Object(config) => config,
        other => panic!("{other} is no object"),
    };
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    Changes::parse(&changes)?.apply(&mut config)?;
    Ok(Value::Object(config))
}

#[test]
fn commands_are_json_or_a_line_for_the_shell() {
    let cases = [
        (
            &["CMD foo bar"][..],
            json!({"Cmd": ["/bin/sh", "-c", "foo bar"]}),
        ),
        (&["cmd [\"foo\", \"bar\"]"], json!({"Cmd": ["foo", "bar"]})),
        (
            &["CMD a", "ENTRYPOINT [\"b\"]"],
            json!({"Cmd": ["/bin/sh", "-c", "a"], "Entrypoint": ["b"]}),
        ),
        (
            &["CMD [not json"],
            json!({"Cmd": ["/bin/sh", "-c", "[not json"]}),
        ),
    ];
    for (changes, expected) in cases {
        assert_eq!(
            applied(json!({}), changes).expect("applies"),
            expected,
            "{changes:?}"
        );
    }
    let base = json!({"Cmd": ["old"], "Entrypoint": ["in"]});
    let cases = [
        // An entrypoint without a command takes the old arguments away; empty lists change nothing.
        (
            &["ENTRYPOINT x"][..],
            json!({"Entrypoint": ["/bin/sh", "-c", "x"]}),
        ),
        (&["CMD []"], base.clone()),
        (&["ENTRYPOINT []"], base.clone()),
    ];
    for (changes, expected) in cases {
        assert_eq!(
            applied(base.clone(), changes).expect("applies"),
            expected,
            "{changes:?}"
        );
    }
}

#[test]
fn environment_is_expanded_and_replaced_in_place() {
    let base = json!({"Env": ["PATH=/bin", "K=v", "Z="]});
    let cases = [
        (
            r#"ENV A="x y" B=2"#,
            json!(["PATH=/bin", "K=v", "Z=", "A=x y", "B=2"]),
        ),
        ("ENV A b c", json!(["PATH=/bin", "K=v", "Z=", "A=b c"])),
        (
            "ENV PATH=/usr/bin:$PATH",
            json!(["PATH=/usr/bin:/bin", "K=v", "Z="]),
        ),
        ("ENV K=", json!(["PATH=/bin", "K=", "Z="])),
        (
            "ENV A=${K}s B='$K' C=\\$K D=\"\\$K\"",
            json!(["PATH=/bin", "K=v", "Z=", "A=vs", "B=$K", "C=$K", "D=$K"]),
        ),
        (
            "ENV A=${Z:-d$K} B=${K:+x} C=${NONE:+x}",
            json!(["PATH=/bin", "K=v", "Z=", "A=dv", "B=x", "C="]),
        ),
        ("ENV K=new A=$K", json!(["PATH=/bin", "K=new", "Z=", "A=v"])),
    ];
    for (change, expected) in cases {
        let config = applied(base.clone(), &[change]).expect(change);
        assert_eq!(config["Env"], expected, "{change}");
    }
    let config = applied(base, &["ENV K=new", "ENV A=$K"]).expect("applies");
    assert_eq!(config["Env"], json!(["PATH=/bin", "K=new", "Z=", "A=new"]));
}

#[test]
fn ports_labels_volumes_and_folders_are_merged() {
    let base = json!({
        "ExposedPorts": {"9/tcp": {}}, "Labels": {"a": "1"}, "Volumes": null, "WorkingDir": "/srv",
    });
    let config = applied(
        base,
        &[
            "EXPOSE 80-82/udp 9 53/TCP",
            r#"LABEL b= c="two words" a=2"#,
            "VOLUME /x /y",
            r#"VOLUME ["/z with space"]"#,
            "WORKDIR app/../lib",
            "USER 1000:$GROUP",
            "ONBUILD RUN make",
            "STOPSIGNAL SIGQUIT",
        ],
    )
    .expect("applies");
    let expected = json!({
        "ExposedPorts": {"9/tcp": {}, "80/udp": {}, "81/udp": {}, "82/udp": {}, "53/tcp": {}},
        "Labels": {"a": "2", "b": "", "c": "two words"},
        "Volumes": {"/x": {}, "/y": {}, "/z with space": {}},
        "WorkingDir": "/srv/lib",
        "User": "1000:$GROUP",
        "OnBuild": ["RUN make"],
        "StopSignal": "SIGQUIT",
    });
    assert_eq!(config, expected);
}

#[test]
fn health_checks() {
    let check =
        |change: &str| applied(json!({}), &[change]).map(|config| config["Healthcheck"].clone());
    assert_eq!(check("HEALTHCHECK NONE"), Ok(json!({"Test": ["NONE"]})));
    assert_eq!(
        check(
            "HEALTHCHECK --interval=1m30s --timeout=250ms --start-period=1.5h --retries=3 CMD curl -f http://x"
        ),
        Ok(json!({
            "Interval": 90_000_000_000_i64, "Timeout": 250_000_000, "StartPeriod": 5_400_000_000_000_i64, "Retries": 3,
            "Test": ["CMD-SHELL", "curl -f http://x"],
        }))
    );
    assert_eq!(
        check(r#"HEALTHCHECK CMD ["true"]"#),
        Ok(json!({"Test": ["CMD", "true"]}))
    );
    for wrong in [
        "HEALTHCHECK",
        "HEALTHCHECK CMD",
        "HEALTHCHECK --interval=1s NONE",
        "HEALTHCHECK --interval=1 CMD x",
        "HEALTHCHECK --interval=1us CMD x",
        "HEALTHCHECK --often CMD x",
        "HEALTHCHECK --retries=0 CMD x",
    ] {
        assert!(check(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_is_no_change_says_why() {
    for (change, message) in [
        ("RUN make", "RUN is not a valid change command"),
        ("SHELL [\"sh\"]", "SHELL is not a valid change command"),
        ("ENV", "ENV requires at least one argument"),
        ("ENV A", "ENV requires a name and a value"),
        (
            "EXPOSE x",
            "EXPOSE: \"x\" is no port, such as 80, 80/udp or 8000-8010",
        ),
        (
            "EXPOSE 9-8",
            "EXPOSE: \"9-8\" is no port, such as 80, 80/udp or 8000-8010",
        ),
        ("STOPSIGNAL SIGNOT", "STOPSIGNAL: \"SIGNOT\" is no signal"),
        (
            "ONBUILD ONBUILD RUN x",
            "ONBUILD: \"ONBUILD\" is not allowed as a trigger",
        ),
        ("ENV A=\"x", "ENV: \"\\\"x\" has a quote that does not end"),
        ("ENV A=${x", "ENV: \"${x\" has a variable that is none"),
        ("USER", "USER requires exactly one argument"),
    ] {
        let error = applied(json!({}), &[change]).expect_err(change);
        assert_eq!(error.to_string(), message);
    }
}
