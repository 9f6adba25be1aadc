//! Starting something, and how it ends.

use runtime::RunOptions;

use crate::lab::{Lab, shell, stories};

stories! {
    async fn a_command_runs_and_its_code_comes_back(lab: Lab) {
        let outcome = lab.shell("echo out; echo err >&2; exit 5").await;
        assert_eq!((outcome.code, outcome.output.as_str(), outcome.errors.as_str()), (5, "out\n", "err\n"));
        let outcome = lab.shell("sh -c 'kill -9 $$'; exit $?").await;
        assert_eq!(outcome.code, 128 + 9, "the shell passes it on: {outcome:?}");
    }
}
