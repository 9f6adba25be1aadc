//! Starting something, and how it ends.

use runtime::RunOptions;

use crate::lab::{Lab, shell, stories};

stories! {
    async fn a_command_runs_and_its_code_comes_back(lab: Lab) {
        let outcome = lab.shell("echo out; echo err >&2; exit 5").await;
        assert_eq!((outcome.code, outcome.output.as_str(), outcome.errors.as_str()), (5, "out\n", "err\n"));
        let outcome = lab.shell("kill -9 $$").await;
        assert_eq!(outcome.code, 128 + 9, "its own init cannot kill itself: {outcome:?}");
    }
}
